package client

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A spool is a temporary file of what nobody else may read: users. What lies on
// the disk is encrypted with a key that exists in this process alone, so that
// neither a copy of the disk nor a killed process leaves anything behind. It is
// written first and then read once.
type spool struct {
	file    *os.File
	block   cipher.Block
	iv      []byte
	out     cipher.StreamWriter
	in      cipher.StreamReader
	reading bool
}

func newSpool() (*spool, error) {
	key := make([]byte, 32+aes.BlockSize)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:32])
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "a0run-export-*")
	if err != nil {
		return nil, fmt.Errorf("there is no place for the export: %w", err)
	}
	_ = os.Remove(file.Name()) // where an open file can lose its name, a killed process leaves nothing
	s := &spool{file: file, block: block, iv: key[32:]}
	s.out = cipher.StreamWriter{S: cipher.NewCTR(block, s.iv), W: file}
	return s, nil
}

// Write appends; it is refused once something was read.
func (s *spool) Write(p []byte) (int, error) { return s.out.Write(p) }

// Read begins at the beginning.
func (s *spool) Read(p []byte) (int, error) {
	if !s.reading {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		s.in = cipher.StreamReader{S: cipher.NewCTR(s.block, s.iv), R: s.file}
		s.reading = true
	}
	return s.in.Read(p)
}

// Close removes the file.
func (s *spool) Close() error {
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); err == nil && !errors.Is(gone, fs.ErrNotExist) {
		err = gone
	}
	return err
}

package main

import (
	"io/fs"
	"maps"
	"path/filepath"
	"sync"
)

// sources is the folder of a playbook; it remembers what of it was read
// (modules, includes), so that a plan and a run can say from what they were
// made.
type sources struct {
	fs.FS
	dir     string            // absolute
	overlay map[string]string // of the world
	mu      sync.Mutex
	hashes  map[string]string // SHA-256 by path
}

func newSources(folder fs.FS) *sources { return &sources{FS: folder, hashes: map[string]string{}} }

// ReadFile reads a file and remembers its hash.
func (s *sources) ReadFile(name string) ([]byte, error) {
	text, err := s.readFile(name)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hashes[name] = hashOf(text)
	}
	return text, err
}

func (s *sources) readFile(name string) ([]byte, error) {
	if text, ok := s.overlay[filepath.Join(s.dir, filepath.FromSlash(name))]; ok {
		return []byte(text), nil
	}
	return fs.ReadFile(s.FS, name)
}

// read are the hashes of the files that were read, by path.
func (s *sources) read() map[string]string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.hashes)
}

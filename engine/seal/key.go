package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A Source is where a master key comes from: a file, or a text that the command
// read from the environment or from another command's output. Exactly one of
// File and Text is set.
type Source struct {
	// File is the path of a key file: a comment line and the key in base64.
	File string
	// Text is the key in base64, Name where it came from, for errors:
	// "A0RUN_KEY", "the output of `pass a0run`".
	Text, Name string
}

// comment is the first line of a key file.
const comment = "# The key of an a0run journal: without it the sealed values are lost. Keep it secret.\n"

// Open reads the key. With create a key file that does not exist is made: 32
// random bytes, mode 0600. Errors are *KeyError; none shows a key.
func (s Source) Open(create bool) (*Box, error) {
	if s.File == "" {
		return parse(s.Text, s.Name, "give the 32 bytes of the key in base64, as the key file of the journal holds them")
	}
	text, err := read(s.File)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := write(s.File); err != nil {
			return nil, &KeyError{From: s.File, Problem: "could not be made: " + reason(err), hint: "make its folder writable, or name another file"}
		}
		text, err = read(s.File)
	}
	var known *KeyError
	switch {
	case errors.As(err, &known):
		return nil, known
	case errors.Is(err, fs.ErrNotExist):
		return nil, &KeyError{
			From: s.File, Problem: "is missing",
			hint: "copy the key file from the machine that wrote the journal (beside the journal, by default)", Err: err,
		}
	case err != nil:
		return nil, &KeyError{From: s.File, Problem: "cannot be read: " + reason(err), hint: "let this user read it", Err: err}
	}
	return parse(text, s.File, "put the right key file back; its second line holds 32 bytes in base64")
}

// String names the source, never the key.
func (s Source) String() string {
	if s.File != "" {
		return s.File
	}
	return s.Name
}

// GoString keeps %#v from showing the key.
func (s Source) GoString() string { return s.String() }

// A KeyError says what is wrong with a key. It never shows it.
type KeyError struct {
	From, Problem string
	Err           error
	hint          string
}

func (e *KeyError) Error() string { return fmt.Sprintf("the key %s %s", e.From, e.Problem) }

// Unwrap gives the system's error, if there was one.
func (e *KeyError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *KeyError) Hint() string { return e.hint }

// A WrongKeyError says that a journal was written with another key.
type WrongKeyError struct {
	Journal, From string
}

func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("the key %s is not that of the journal %s: its sealed values were written with another one", e.From, e.Journal)
}

// Hint is what to do.
func (e *WrongKeyError) Hint() string {
	return "give the key with which " + e.Journal + " was begun; where that is lost, move the journal away (mv " +
		e.Journal + " " + e.Journal + ".old) and a0run begins a new one"
}

// read gives a key file's text. A file that others can read is refused: its key
// has to be taken for known.
func read(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", &KeyError{
			From: path, Problem: fmt.Sprintf("can be used by others than its owner (mode %04o)", mode),
			hint: "chmod 600 " + path,
		}
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// write makes a key file. It is written beside its place and linked there, so
// that of two processes one wins and none reads half a key; where links are not
// to be had it is written in place.
func write(path string) error {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // crypto/rand's Read never fails
	text := []byte(comment + base64.StdEncoding.EncodeToString(key) + "\n")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	aside := file.Name()
	defer func() { _ = os.Remove(aside) }()
	if err := fill(file, text); err != nil {
		return err
	}
	err = os.Link(aside, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			err = fill(file, text)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was first, and its key counts
	}
	return errors.Join(err, syncFolder(filepath.Dir(path)))
}

// fill writes a file and makes it survive a loss of power: sealed values
// without their key are lost.
func fill(file *os.File, text []byte) error {
	_, err := file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// parse reads a key's text: base64 in one of its spellings, lines that begin
// with # left out.
func parse(text, from, hint string) (*Box, error) {
	var code string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			code += line
		}
	}
	if code == "" {
		return nil, &KeyError{From: from, Problem: "is empty", hint: hint}
	}
	code = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(code), "=")
	key, err := base64.RawStdEncoding.DecodeString(code)
	if err != nil { // whose words could show a part of the key
		return nil, &KeyError{From: from, Problem: "is not base64", hint: hint}
	}
	if len(key) != KeySize {
		return nil, &KeyError{From: from, Problem: fmt.Sprintf("has %d bytes instead of %d", len(key), KeySize), hint: hint}
	}
	return New(key)
}

// reason is the system's word without the path, which the caller names.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

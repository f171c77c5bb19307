package client

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// multi builds a multipart body: the fields, then the files. Files are read
// while they are sent, from their beginning on every attempt.
func multi(parts fields, files []filePart) (*payload, error) {
	boundary := "a0run" + rand.Text()
	var pieces []piece
	for _, f := range parts {
		text, err := formText(f.value)
		if err != nil {
			return nil, err
		}
		if string(f.value) == "null" {
			continue
		}
		pieces = append(pieces, textPiece(fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n",
			boundary, quotable(f.name), text)))
	}
	for _, f := range files {
		size, err := f.file.Data.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, fmt.Errorf("the file %q cannot be read: %w", f.file.Name, err)
		}
		pieces = append(
			pieces,
			textPiece(fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n\r\n",
				boundary, quotable(f.field), quotable(f.file.Name))),
			piece{size: size, seek: f.file.Data},
			textPiece("\r\n"),
		)
	}
	pieces = append(pieces, textPiece("--"+boundary+"--\r\n"))
	p := &payload{kind: "multipart/form-data; boundary=" + boundary}
	for _, one := range pieces {
		p.length += one.size
	}
	p.open = func() io.Reader {
		readers := make([]io.Reader, len(pieces))
		for i, one := range pieces {
			readers[i] = one.open()
		}
		return io.MultiReader(readers...)
	}
	return p, nil
}

// quotable makes a name safe between the quotes of a header.
func quotable(name string) string {
	return strings.NewReplacer("\\", "\\\\", `"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

// piece is a part of a body: a text, or a file.
type piece struct {
	size int64
	text []byte
	seek io.ReadSeeker
}

func textPiece(s string) piece { return piece{size: int64(len(s)), text: []byte(s)} }

func (p piece) open() io.Reader {
	if p.seek == nil {
		return bytes.NewReader(p.text)
	}
	return &rewound{from: p.seek}
}

// rewound reads a file from its beginning.
type rewound struct {
	from    io.ReadSeeker
	started bool
}

func (r *rewound) Read(b []byte) (int, error) {
	if !r.started {
		if _, err := r.from.Seek(0, io.SeekStart); err != nil {
			return 0, fmt.Errorf("the file cannot be read again: %w", err)
		}
		r.started = true
	}
	return r.from.Read(b)
}

// revocable is the body of one attempt. A transport may go on reading it for a
// moment after it gave the attempt up; once revoked it reads nothing more, so
// that the next attempt has the file for itself.
type revocable struct {
	mu   sync.Mutex // held for one read of the caller's own data
	from io.Reader
	gone bool
	n    int64 // bytes read
}

var errRevoked = errors.New("the attempt is over")

func (r *revocable) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errRevoked
	}
	n, err := r.from.Read(p)
	r.n += int64(n)
	return n, err
}

// given is how many bytes were read.
func (r *revocable) given() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// Close does nothing: the data is the caller's.
func (r *revocable) Close() error { return nil }

func (r *revocable) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
}

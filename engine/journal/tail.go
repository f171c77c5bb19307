package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"a0run/engine"
)

// A tail keeps what a run wrote until it stands in the database: a few files of
// the run's own, to which every record is appended with one write before its
// Ack is given, so that it survives a kill of the process. The writer folds many
// of them into the database in one transaction. What must survive a loss of power
// does not wait here: a durable intent is committed to the database, together
// with all that was written before it.
//
// At full speed dozens of tasks have something to write at a time. What they write is
// gathered, and goes out when the first of them asks for its Ack, after it has let
// those go first that are ready to run: one write to the operating system does for all
// of them.
//
// There are two files, and appends go to one of them. When the writer takes what
// is queued they go to the other; once that is committed, the first is emptied.
//
// Whoever takes a run over, or finds it dead, first gives its files another name
// and then reads them. So who looks, after a write, whether its file still has
// its name, knows that the write was read, or that it was not safe: a run that
// was taken over cannot go on unnoticed.
type tail struct {
	// base is the path of both, but for their number and ending.
	base  string
	files [2]*os.File
	sizes [2]int64
	now   int // which of them is written
	// queue are the frames that are gathered, queued what their writers wait for; nil
	// where there are none.
	queue  []byte
	queued *batch
}

// queueLimit is how many bytes are gathered at most.
const queueLimit = 256 << 10

// The endings of a tail's files: of one that is written, and of one that is to be
// folded by whoever finds it.
const (
	tailWritten = ".tail"
	tailLeft    = ".left"
)

// tailFolder is where the tails lie.
func (db *DB) tailFolder() string { return db.path + ".tail" }

// openTail makes the tail of an execution. Both files are there from the
// beginning, so that whoever takes the run over finds them.
func (db *DB) openTail(run string, epoch int64) (*tail, error) {
	if err := os.MkdirAll(db.tailFolder(), 0o700); err != nil {
		return nil, err
	}
	t := &tail{base: filepath.Join(db.tailFolder(), run+"."+strconv.FormatInt(epoch, 10))}
	for i := range t.files {
		// Nobody else has this epoch: what bears the name is another run's of
		// the same ID, which was deleted.
		file, err := os.OpenFile(t.path(i), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.end(true)
			return nil, err
		}
		t.files[i] = file
	}
	return t, nil
}

func (t *tail) path(which int) string { return t.base + "." + strconv.Itoa(which) + tailWritten }

// write appends what is gathered. engine.ErrFenced says that somebody else has taken
// the run over. After another error nothing of it is there.
func (t *tail) write() error {
	if _, err := t.files[t.now].Write(t.queue); err != nil {
		_ = t.files[t.now].Truncate(t.sizes[t.now]) // what is left of a frame does not pass its checksum
		return err
	}
	if _, err := os.Lstat(t.path(t.now)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return engine.ErrFenced
		}
		return err
	}
	t.sizes[t.now] += int64(len(t.queue))
	return nil
}

// turn directs appends to the other file and says which one was left. A file
// with nothing in it is written on, and none was left (-1): what is appended to it
// while the batch is committed is not of that batch, and must not be emptied with it.
func (t *tail) turn() (left int) {
	if t.sizes[t.now] == 0 {
		return -1
	}
	t.now = 1 - t.now
	return 1 - t.now
}

// empty empties a file whose records are in the database.
func (t *tail) empty(which int) error {
	if which < 0 || t.sizes[which] == 0 {
		return nil
	}
	t.sizes[which] = 0
	return t.files[which].Truncate(0)
}

// end closes the files, and removes them where all their records are in the
// database.
func (t *tail) end(folded bool) {
	if t == nil {
		return
	}
	for i, file := range t.files {
		if file == nil {
			continue
		}
		_ = file.Close() // nothing is buffered
		t.files[i] = nil
		if folded {
			_ = os.Remove(t.path(i)) // else whoever looks next removes it
		}
	}
}

// What stands in a frame: its length and checksum, then its position in the
// run, its kind, the call's id, and the rest by its kind.
const (
	frameHead = 8
	frameCall = 'c' // a call without a value
	frameText = 't' // its value is JSON
	frameBlob = 'b' // its value is compressed
	frameStep = 's'
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // read only; the library keeps one table for all

// A frameBody is what stands in a frame.
type frameBody struct {
	pos  int64
	kind byte
	id   int64
	// also, value and text are a call's: the further objects as JSON, the value,
	// and the packed columns. A step is JSON in text.
	also, value []byte
	text        []byte
}

// appendFrame writes a frame behind buf.
func appendFrame(buf []byte, f frameBody) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHead)...)
	buf = binary.AppendVarint(buf, f.pos)
	buf = append(buf, f.kind)
	buf = binary.AppendVarint(buf, f.id)
	for _, part := range [][]byte{f.also, f.value} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	buf = append(buf, f.text...)
	body := buf[start+frameHead:]
	binary.LittleEndian.PutUint32(buf[start:], uint32(len(body))) //nolint:gosec // SQLite holds no row of 4 GB either
	binary.LittleEndian.PutUint32(buf[start+4:], crc32.Checksum(body, castagnoli))
	return buf
}

// readFrames takes the frames out of a tail's file, up to the first that is not
// whole: the process was killed while it wrote that one, and nobody was told
// that it is safe.
func readFrames(text []byte) (all []frameBody) {
	for len(text) >= frameHead {
		size, sum := binary.LittleEndian.Uint32(text), binary.LittleEndian.Uint32(text[4:])
		text = text[frameHead:]
		if size == 0 || int64(size) > int64(len(text)) || crc32.Checksum(text[:size], castagnoli) != sum {
			return all
		}
		f, ok := readFrame(text[:size])
		if !ok {
			return all
		}
		all, text = append(all, f), text[size:]
	}
	return all
}

func readFrame(body []byte) (f frameBody, ok bool) {
	var n int
	if f.pos, n = binary.Varint(body); n <= 0 || n >= len(body) {
		return f, false
	}
	f.kind, body = body[n], body[n+1:]
	if f.id, n = binary.Varint(body); n <= 0 {
		return f, false
	}
	body = body[n:]
	for _, part := range []*[]byte{&f.also, &f.value} {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return f, false
		}
		*part, body = body[n:n+int(size)], body[n+int(size):] //nolint:gosec // size is below the length
	}
	f.text = body
	return f, true
}

// A tailAlso is what a call touches beside its own object, in a frame.
type tailAlso struct {
	Also []engine.ObjectRef
	More int
}

// body is a row as a frame holds it, all but its position and id. Its text is written
// behind buf.
func (r *row) body(buf []byte) (frameBody, error) {
	f := frameBody{kind: frameCall, text: r.packed(buf)}
	switch {
	case r.small != nil:
		f.kind, f.value = frameBlob, r.small
	case len(r.rec.Value) > 0:
		f.kind, f.value = frameText, r.rec.Value
	}
	if len(r.rec.Also) > 0 || r.rec.AlsoMore > 0 {
		also, err := json.Marshal(tailAlso{r.rec.Also, r.rec.AlsoMore})
		if err != nil {
			return f, err
		}
		f.also = also
	}
	return f, nil
}

// frameRow is the row of a frame.
func (db *DB) frameRow(run int64, f frameBody) (*row, error) {
	var value any
	switch f.kind {
	case frameText:
		value = string(f.value)
	case frameBlob:
		value = f.value
	}
	rec, err := db.decode(f.id, value, string(f.text))
	if err != nil {
		return nil, err
	}
	if len(f.also) > 0 {
		var also tailAlso
		if err := json.Unmarshal(f.also, &also); err != nil {
			return nil, &CorruptError{Path: db.path, Problem: fmt.Sprintf("is damaged: call %d of a tail cannot be read", f.id), Err: err}
		}
		rec.Also, rec.AlsoMore = also.Also, also.More
	}
	r, _, err := db.encode(run, rec)
	if err != nil {
		return nil, err
	}
	r.id = f.id
	return r, nil
}

// A tailFile is a file in the folder of tails.
type tailFile struct {
	name, run string
	epoch     int64
	which     int
	left      bool
}

// tails lists the files of a run's tails, or with "" of all, those of the oldest
// execution first.
func (db *DB) tails(run string) ([]tailFile, error) {
	entries, err := os.ReadDir(db.tailFolder())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []tailFile
	for _, e := range entries {
		if f, ok := tailNamed(e.Name()); ok && (run == "" || f.run == run) {
			all = append(all, f)
		}
	}
	return all, nil
}

// tailNamed reads the name of a tail's file: RUN.EPOCH.NUMBER.tail.
func tailNamed(name string) (f tailFile, ok bool) {
	f.name = name
	rest, left := strings.CutSuffix(name, tailLeft)
	if f.left = left; !left {
		if rest, ok = strings.CutSuffix(name, tailWritten); !ok {
			return f, false
		}
	}
	parts := strings.Split(rest, ".")
	n := len(parts)
	if n < 3 {
		return f, false
	}
	var err, err2 error
	f.which, err = strconv.Atoi(parts[n-1])
	f.epoch, err2 = strconv.ParseInt(parts[n-2], 10, 64)
	f.run = strings.Join(parts[:n-2], ".")
	return f, err == nil && err2 == nil
}

package serve

// A Tape is a stream whose holder writes it: what a Control gives that is no
// Service, in tests and measurements.
type Tape[T any] struct{ stream *stream[T] }

// NewTape makes a tape that keeps the newest items.
func NewTape[T any](keep int) *Tape[T] { return &Tape[T]{newStream[T](keep)} }

// Add adds items; it never waits for a reader.
func (t *Tape[T]) Add(items ...T) { t.stream.add(items...) }

// End says that nothing comes any more.
func (t *Tape[T]) End() { t.stream.end() }

// Feed reads from the oldest item that is kept on, or from what comes next.
func (t *Tape[T]) Feed(oldest bool) *Feed[T] { return t.stream.feed(oldest) }

package pace

// Known is what the answers of the tenant have told of a bucket: its size and
// the rate, in requests a second, at which it fills; 0 for what is not known.
func (p *Pacer) Known(bucket string) (size int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, g := range p.state.gates {
		if key.bucket == bucket && g.known {
			size, perSecond = max(size, g.limit), max(perSecond, g.rate)
		}
	}
	return size, perSecond
}

package lua

import (
	"sync"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"a0run/engine"
)

// places finds names in a source. A source may be one long line, so tokens are
// found by line and name, and what was found once is kept.
type places struct {
	mu      sync.Mutex
	named   map[lineName][]int // indexes of tokens
	inTable []bool             // by token: the innermost open bracket is a brace
	found   map[placeKey]engine.Position
	looks   int // how many tokens were looked at
}

type lineName struct {
	line int
	name string
}

// A placeKey is what placeOf goes by: of the parts before the last only the
// nearest counts.
type placeKey struct {
	lineName
	n      int
	before string
}

// index reads the tokens once.
func (p *places) index(tokens []ast.Token) {
	if p.named != nil {
		return
	}
	p.named, p.found = map[lineName][]int{}, map[placeKey]engine.Position{}
	p.inTable = make([]bool, len(tokens))
	var open []int
	for i, tok := range tokens {
		p.inTable[i] = len(open) > 0 && open[len(open)-1] == '{'
		switch tok.Type {
		case parse.TIdent, parse.TString:
			at := lineName{tok.Pos.Line, tok.Str}
			p.named[at] = append(p.named[at], i)
		case '(', '[', '{', parse.TFunction, parse.TDo, parse.TIf:
			open = append(open, tok.Type)
		case ')', ']', '}', parse.TEnd:
			open = open[:max(len(open)-1, 0)]
		}
	}
	p.looks += len(tokens)
}

// place is where a name stands on a line; without one, the line.
func (s *source) place(line int, name string) engine.Position {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	s.places.index(s.tokens)
	return s.placeNamed(line, name)
}

func (s *source) placeNamed(line int, name string) engine.Position {
	if all := s.places.named[lineName{line, name}]; name != "" && len(all) > 0 {
		return s.at(line, s.tokens[all[0]].Pos.Column)
	}
	return s.at(line, 0)
}

// placeOf is where the n-th part of a use stands.
func (s *source) placeOf(u use, n int) engine.Position {
	p := &s.places
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index(s.tokens)
	key := placeKey{lineName{u.lines[n], u.path[n]}, min(n, 2), ""}
	if n >= 2 {
		key.before = u.path[n-1]
	}
	at, ok := p.found[key]
	if !ok {
		at = s.find(key)
		p.found[key] = at
	}
	return at
}

func (s *source) find(key placeKey) engine.Position {
	for _, i := range s.places.named[key.lineName] {
		s.places.looks++
		if s.tokens[i].Type != parse.TIdent {
			continue
		}
		after := i > 0 && (s.tokens[i-1].Type == '.' || s.tokens[i-1].Type == ':')
		switch {
		case after != (key.n > 0), key.n == 0 && s.isTableKey(i), key.n == 2 && !s.follows(i, key.before):
		default:
			return s.at(key.line, s.tokens[i].Pos.Column)
		}
	}
	return s.placeNamed(key.line, key.name)
}

// follows reports whether the token before the dot at i-1 has a name.
func (s *source) follows(i int, name string) bool { return i >= 2 && s.tokens[i-2].Str == name }

// isTableKey tells {name = …} from a use of name.
func (s *source) isTableKey(i int) bool {
	if i+1 >= len(s.tokens) || s.tokens[i+1].Type != '=' || i == 0 {
		return false
	}
	switch s.tokens[i-1].Type {
	case '{', ',', ';':
		return s.places.inTable[i]
	}
	return false
}

package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
)

// ids makes identifiers and secrets. They depend only on the tenant's domain,
// the kind, what the object was made from and how often that came before: two
// programs that do the same, in whatever order, get the same ids, while two
// tenants never agree on one. So nothing here is secret from whoever can read
// this; a local tenant guards nothing.
type ids struct {
	salt string
	n    atomic.Uint64
	mu   sync.Mutex
	seen map[[32]byte]int
}

func newIDs(domain string) *ids { return &ids{salt: domain, seen: map[[32]byte]int{}} }

// bytes are n bytes for a thing of a kind.
func (g *ids) bytes(kind, from string, n int) []byte {
	key := sha256.Sum256([]byte(g.salt + "\x00" + kind + "\x00" + from))
	g.mu.Lock()
	g.seen[key]++
	count := g.seen[key]
	g.mu.Unlock()
	var out []byte
	for block := uint64(0); len(out) < n; block++ {
		in := binary.BigEndian.AppendUint64(key[:len(key):len(key)], uint64(count))
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(in, block))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// word is n letters and digits.
func (g *ids) word(kind, from string, n int) string {
	var b strings.Builder
	for _, c := range g.bytes(kind, from, n) {
		b.WriteByte(alphabet[int(c)%len(alphabet)])
	}
	return b.String()
}

func (g *ids) hex(kind, from string, n int) string {
	return hex.EncodeToString(g.bytes(kind, from, (n+1)/2))[:n]
}

func (g *ids) base64(kind, from string, n int) string {
	return base64.RawURLEncoding.EncodeToString(g.bytes(kind, from, n))
}

func (g *ids) digits(kind, from string, n int) string {
	v := new(big.Int).SetBytes(g.bytes(kind, from, n))
	s := strings.Repeat("0", n) + v.String()
	return s[len(s)-n:]
}

func (g *ids) uuid(kind, from string) string {
	b := g.bytes(kind, from, 16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// request is the id of a request.
func (g *ids) request() string {
	return fmt.Sprintf("%016x", g.n.Add(1))
}

// idForm is how the ids of a kind look.
type idForm struct {
	prefix string
	n      int
	form   byte // 'w'ord, 'h'ex, 'd'igits, 'u'uid
}

// formOf is the form of the ids below a collection's path.
func formOf(path string) idForm {
	forms := map[string]idForm{
		"/clients":                {"", 32, 'w'},
		"/clients/{}/credentials": {"cred_", 22, 'w'},
		"/client-grants":          {"cgr_", 16, 'w'},
		"/connections":            {"con_", 16, 'w'},
		"/connections/{}/scim-configuration/tokens": {"tok_", 16, 'w'},
		"/connection-profiles":                      {"cop_", 22, 'w'},
		"/custom-domains":                           {"cd_", 16, 'w'},
		"/device-credentials":                       {"dcr_", 16, 'w'},
		"/roles":                                    {"rol_", 16, 'w'},
		"/organizations":                            {"org_", 16, 'w'},
		"/organizations/{}/invitations":             {"uinv_", 16, 'w'},
		"/organizations/{}/discovery-domains":       {"ocd_", 16, 'w'},
		"/resource-servers":                         {"", 24, 'h'},
		"/rules":                                    {"rul_", 16, 'w'},
		"/actions/actions":                          {"", 0, 'u'},
		"/actions/modules":                          {"", 0, 'u'},
		"/hooks":                                    {"", 0, 'u'},
		"/log-streams":                              {"lst_", 16, 'd'},
		"/flows":                                    {"af_", 22, 'w'},
		"/flows/vault/connections":                  {"ac_", 22, 'w'},
		"/forms":                                    {"ap_", 22, 'w'},
		"/branding/themes":                          {"", 32, 'h'},
		"/branding/phone/providers":                 {"pro_", 22, 'w'},
		"/branding/phone/templates":                 {"tem_", 22, 'w'},
		"/self-service-profiles":                    {"ssp_", 16, 'w'},
		"/event-streams":                            {"est_", 22, 'w'},
		"/network-acls":                             {"acl_", 22, 'w'},
		"/token-exchange-profiles":                  {"tep_", 16, 'w'},
		"/user-attribute-profiles":                  {"uap_", 22, 'w'},
		"/rate-limit-policies":                      {"rlp_", 22, 'w'},
		"/groups":                                   {"grp_", 16, 'w'},
		"/agents":                                   {"agt_", 22, 'w'},
		"/keys/network-acls":                        {"key_", 22, 'w'},
		"/organization-templates":                   {"otp_", 22, 'w'},
		"/jobs":                                     {"job_", 16, 'w'},
		"/keys/encryption":                          {"", 0, 'u'},
		"/users/{}/authentication-methods":          {"authentication-method|", 24, 'w'},
		"/verifiable-credentials/verification/templates": {"vct_", 22, 'w'},
	}
	if f, ok := forms[path]; ok {
		return f
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	return idForm{last[:min(3, len(last))] + "_", 16, 'w'}
}

// id makes the id of a new object of a collection.
func (g *ids) id(path, from string) string {
	f := formOf(path)
	switch f.form {
	case 'h':
		return f.prefix + g.hex(path, from, f.n)
	case 'd':
		return f.prefix + g.digits(path, from, f.n)
	case 'u':
		return f.prefix + g.uuid(path, from)
	}
	return f.prefix + g.word(path, from, f.n)
}

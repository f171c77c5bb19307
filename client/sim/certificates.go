package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An authority is a CA made for one run.
type authority struct {
	cert   *x509.Certificate
	der    []byte
	key    *ecdsa.PrivateKey
	serial atomic.Int64
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "a0run local tenant CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{cert: cert, der: der, key: key}
	a.serial.Store(now.UnixNano())
	return a, nil
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.der})
}

// certificate is that of a server which is reached by these domains, besides
// this machine's own names.
func (a *authority) certificate(domains []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial.Add(1)), Subject: pkix.Name{CommonName: "a0run local tenant"},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "tenant.local"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, domain := range domains {
		if host := withoutPort(domain); host != "" && net.ParseIP(host) == nil {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, a.der}, PrivateKey: key}, nil
}

// laterNames are names that tenants get while they are served, their custom
// domains: each has a certificate of its own, made when it is first asked for.
type laterNames struct {
	ca      *authority
	tenants []*Tenant
	mu      sync.Mutex
	made    map[string]*tls.Certificate
}

// certificate answers a handshake; nil leaves it to the certificate of the names
// that were known from the beginning.
func (l *laterNames) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hostName(hello.ServerName)
	if byCustomDomain(l.tenants, name) == nil {
		return nil, nil //nolint:nilnil // what crypto/tls wants to hear
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made[name] == nil {
		cert, err := l.ca.certificate([]string{name})
		if err != nil {
			return nil, err
		}
		l.made[name] = &cert
	}
	return l.made[name], nil
}

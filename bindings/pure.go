package bindings

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // offered for checksums of foreign systems, not for security
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"

	"a0run/engine"
)

// pureFunc is a function that only computes.
type pureFunc struct {
	summary, returns string
	params           []engine.Param
	call             func(args *bound) (any, error)
}

// pure makes a Function of it.
func pure(name string, p pureFunc) *engine.Function {
	f := &engine.Function{Name: name, Summary: p.summary, Returns: p.returns, Params: p.params, Pure: true}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return p.call(args)
	}
	return f
}

func textParam(name string) engine.Param {
	return engine.Param{Name: name, Type: "string", Positional: true, Required: true}
}

// jsonNamespace is json.decode and json.encode; json.null and json.array come
// from the front end.
func jsonNamespace() *engine.Namespace {
	ns := engine.NewNamespace("json")
	ns.Set("null", engine.Null{})
	ns.Set("decode", pure("json.decode", pureFunc{
		summary: "Read a JSON text. An object's null is left out unless nulls is true; an array's is json.null.",
		returns: "the value",
		params: []engine.Param{textParam("text"), {
			Name: "nulls", Type: "boolean", Summary: "Keep an object's nulls as json.null.",
		}},
		call: func(args *bound) (any, error) {
			tree, err := engine.ParseJSON([]byte(args.text("text")))
			if err != nil {
				return nil, args.wrong("the text is not JSON: "+err.Error(), "")
			}
			if keep, _ := args.values.Get("nulls"); keep != true {
				return json.RawMessage(args.text("text")), nil
			}
			return tree, nil
		},
	}))
	ns.Set("encode", pure("json.encode", pureFunc{
		summary: "Write a value as JSON text.",
		returns: "text",
		params: []engine.Param{
			{Name: "value", Type: "any", Positional: true, Required: true},
			{Name: "indent", Type: "boolean", Summary: "Two spaces and line breaks."},
		},
		call: encodeJSON,
	}))
	return ns
}

func encodeJSON(args *bound) (any, error) {
	v, _ := args.values.Get("value")
	text, err := engine.FormatJSON(v)
	if indent, _ := args.values.Get("indent"); indent == true {
		text, err = engine.FormatJSONIndent(v, "  ")
	}
	if err != nil {
		return nil, args.wrong(err.Error(), "")
	}
	return string(text), nil
}

// hashNamespace is hash.*: hex digests.
func hashNamespace() *engine.Namespace {
	ns := engine.NewNamespace("hash")
	for _, h := range []struct {
		name string
		make func() hash.Hash
	}{{"md5", md5.New}, {"sha1", sha1.New}, {"sha256", sha256.New}, {"sha512", sha512.New}} {
		ns.Set(h.name, pure("hash."+h.name, pureFunc{
			summary: "Digest a text.", returns: "hex digits", params: []engine.Param{textParam("text")},
			call: func(args *bound) (any, error) {
				d := h.make()
				_, _ = d.Write([]byte(args.text("text"))) // a hash's Write never fails
				return hex.EncodeToString(d.Sum(nil)), nil
			},
		}))
	}
	ns.Set("hmac_sha256", pure("hash.hmac_sha256", pureFunc{
		summary: "Authenticate a text with a key (RFC 2104).", returns: "hex digits",
		params: []engine.Param{{Name: "key", Type: "string", Positional: true, Required: true, Secret: true}, textParam("text")},
		call: func(args *bound) (any, error) {
			d := hmac.New(sha256.New, []byte(args.text("key")))
			_, _ = d.Write([]byte(args.text("text"))) // likewise
			return hex.EncodeToString(d.Sum(nil)), nil
		},
	}))
	return ns
}

// base64Namespace is base64.encode and decode, standard and URL-safe.
func base64Namespace() *engine.Namespace {
	ns := engine.NewNamespace("base64")
	url := engine.Param{Name: "url", Type: "boolean", Summary: "The URL-safe alphabet, without padding."}
	ns.Set("encode", pure("base64.encode", pureFunc{
		summary: "Encode a text (RFC 4648).", returns: "text", params: []engine.Param{textParam("text"), url},
		call: func(args *bound) (any, error) {
			if u, _ := args.values.Get("url"); u == true {
				return base64.RawURLEncoding.EncodeToString([]byte(args.text("text"))), nil
			}
			return base64.StdEncoding.EncodeToString([]byte(args.text("text"))), nil
		},
	}))
	ns.Set("decode", pure("base64.decode", pureFunc{
		summary: "Decode base64 of either alphabet, with or without padding.", returns: "text",
		params: []engine.Param{textParam("text")},
		call: func(args *bound) (any, error) {
			text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "").Replace(args.text("text")), "=")
			out, err := base64.RawStdEncoding.DecodeString(text)
			if err != nil {
				return nil, args.wrong("the text is not base64: "+err.Error(), "")
			}
			return string(out), nil
		},
	}))
	return ns
}

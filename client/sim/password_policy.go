package sim

import (
	"net/http"
	"strings"
	"unicode"
)

// The password policy of a connection (Auth0's pages "Password Strength in Auth0
// Database Connections" and "Password Options"), in its older options and its
// newer ones.

// A weak is what is wrong with a password.
type weak struct{ name, message string }

func (w *weak) words() string {
	switch w.name {
	case "PasswordDictionaryError":
		return "Password is too common."
	case "PasswordNoUserInfoError":
		return "Password contains user information."
	case "PasswordHistoryError":
		return "Password has previously been used."
	}
	return "Password is too weak."
}

// atSignup is the answer of /dbconnections/signup.
func (w *weak) atSignup() reply {
	code := map[string]string{
		"PasswordStrengthError": "invalid_password", "PasswordDictionaryError": "password_dictionary_error",
		"PasswordNoUserInfoError": "password_no_user_info_error", "PasswordHistoryError": "password_history_error",
	}[w.name]
	return sent(http.StatusBadRequest, object{
		"name": w.name, "code": code, "description": strings.TrimSuffix(w.words(), "."), "message": w.message, "policy": w.message,
		"statusCode": http.StatusBadRequest,
	})
}

// atAPI is the answer of the Management API.
func (w *weak) atAPI() reply {
	return failure(http.StatusBadRequest, w.name+": "+w.message, "invalid_body")
}

// weakness is what a connection has against a password for a user, nil for
// nothing.
func weakness(conn, u object, pass string) *weak {
	o := sub(conn, "options")
	if !strongEnough(o, pass) {
		return &weak{"PasswordStrengthError", "Password is too weak"}
	}
	dictionary, custom := sub(o, "password_dictionary"), sub(sub(o, "password_options"), "dictionary")
	if truth(dictionary, "enable") && listed(texts(dictionary, "dictionary"), pass) ||
		truth(custom, "active") && listed(texts(custom, "custom"), pass) {
		return &weak{"PasswordDictionaryError", "Password is too common"}
	}
	if truth(sub(o, "password_no_personal_info"), "enable") || truth(sub(sub(o, "password_options"), "profile_data"), "active") {
		local, _, _ := strings.Cut(str(u, "email"), "@")
		for _, s := range []string{str(u, "name"), str(u, "username"), str(u, "nickname"), str(u, "given_name"), str(u, "family_name"), local} {
			if len(s) > 2 && strings.Contains(strings.ToLower(pass), strings.ToLower(s)) {
				return &weak{"PasswordNoUserInfoError", "Password contains user information"}
			}
		}
	}
	return nil
}

// listed reports whether a password is among the commonest, or those that the
// connection names. Auth0's own list has 10,000; this is its head.
func listed(own []string, pass string) bool {
	common := []string{
		"123456", "password", "12345678", "qwerty", "123456789", "12345", "1234", "111111", "1234567", "dragon", "123123", "baseball", "abc123",
		"football", "monkey", "letmein", "shadow", "master", "666666", "qwertyuiop", "123321", "mustang", "1234567890", "password1", "welcome",
		"iloveyou", "admin", "princess", "sunshine", "passw0rd", "trustno1", "password123", "qwerty123", "superman",
	}
	for _, s := range append(common, own...) {
		if strings.EqualFold(s, pass) {
			return true
		}
	}
	return false
}

func historySize(conn object) int {
	o := sub(conn, "options")
	for _, h := range []struct {
		o  object
		on string
	}{{sub(o, "password_history"), "enable"}, {sub(sub(o, "password_options"), "history"), "active"}} {
		if truth(h.o, h.on) {
			if n, ok := number(h.o["size"]); ok {
				return int(min(n, maxHistory))
			}
			return 5
		}
	}
	return 0
}

// strongEnough holds a password against the length and the kinds of characters
// that its connection wants.
func strongEnough(o object, pass string) bool {
	length, kinds, repeats := 1, 0, true
	switch str(o, "passwordPolicy") {
	case "low":
		length = 6
	case "fair":
		length, kinds = 8, 3
	case "good":
		length, kinds = 8, 4
	case "excellent":
		length, kinds, repeats = 10, 4, false
	}
	if n, ok := number(sub(o, "password_complexity_options")["min_length"]); ok {
		length = int(n)
	}
	if n, ok := number(sub(sub(o, "password_options"), "complexity")["min_length"]); ok {
		length = int(n)
	}
	var has [4]int
	var last rune
	same := 0
	for _, r := range pass {
		switch {
		case unicode.IsLower(r):
			has[0] = 1
		case unicode.IsUpper(r):
			has[1] = 1
		case unicode.IsDigit(r):
			has[2] = 1
		default:
			has[3] = 1
		}
		if same++; r != last {
			last, same = r, 1
		}
		if same > 2 && !repeats {
			return false
		}
	}
	n := has[0] + has[1] + has[2] + has[3]
	switch kinds {
	case 3: // fair: lower case, upper case and digits
		return len(pass) >= length && has[0]+has[1]+has[2] == 3
	case 4: // good and excellent: three of the four kinds
		return len(pass) >= length && n >= 3
	}
	return len(pass) >= length
}

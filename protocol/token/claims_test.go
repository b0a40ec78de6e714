package token

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claimsText signs claims as they are written.
func claimsText(t *testing.T, payload string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(payload))
	signature, err := jwt.SigningMethodHS256.Sign(text, secret)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

// TestClaimNamesAreExact judges each token twice: by the parser, and by the quick
// way of a Verifier that has seen a token with this header.
func TestClaimNamesAreExact(t *testing.T) {
	later := time.Now().Add(time.Hour).Unix()
	const other = "0189f7e5-0000-7000-8000-00000000000c"
	usual := map[string]string{
		"token_type": `"access"`, "user_id": fmt.Sprintf("%q", user), "exp": fmt.Sprint(later),
		"iat": "1", "nbf": "1", "iss": `"us"`, "aud": `"chat"`,
	}
	order := []string{"token_type", "user_id", "exp", "iat", "nbf", "iss", "aud"}
	// with puts members behind the usual ones, and leaves one out.
	with := func(without string, more ...string) string {
		var all []string
		for _, name := range order {
			if name != without {
				all = append(all, fmt.Sprintf("%q:%s", name, usual[name]))
			}
		}
		return "{" + strings.Join(append(all, more...), ",") + "}"
	}
	for _, c := range []struct {
		name, payload string
		want          Reason // empty: accepted
	}{
		{"the usual ones", with(""), ""},
		{"a refresh token beside Token_Type", with("token_type", `"token_type":"refresh"`, `"Token_Type":"access"`), ReasonType},
		{"only Token_Type", with("token_type", `"Token_Type":"access"`), ReasonType},
		{"Token_Type is nobody's claim", with("", `"Token_Type":"refresh"`), ""},
		{"only User_ID", with("user_id", fmt.Sprintf(`"User_ID":%q`, user)), ReasonClaims},
		{"User_ID is nobody's claim", with("", fmt.Sprintf(`"User_ID":%q`, other)), ""},
		{"a long s in place of s", with("", `"i\u017fs":"them"`, `"u\u017fer_id":"x"`), ""},
		{"only EXP", with("exp", fmt.Sprintf(`"EXP":%d`, later)), ReasonClaims},
		{"an old exp beside EXP", with("exp", `"exp":1`, fmt.Sprintf(`"EXP":%d`, later)), ReasonExpired},
		{"EXP is nobody's claim", with("", `"EXP":1`), ""},
		{"Nbf and Iat are nobody's claims", with("", fmt.Sprintf(`"Nbf":%d,"Iat":%d`, later, later)), ""},
		{"a late nbf beside NBF", with("nbf", fmt.Sprintf(`"nbf":%d`, later), `"NBF":1`), ReasonEarly},
		{"a late iat beside IAT", with("iat", fmt.Sprintf(`"iat":%d`, later), `"IAT":1`), ReasonEarly},
		{"only ISS", with("iss", `"ISS":"us"`), ReasonClaims},
		{"another iss beside Iss", with("iss", `"iss":"them"`, `"Iss":"us"`), ReasonClaims},
		{"only AUD", with("aud", `"AUD":"chat"`), ReasonClaims},
		{"another aud beside Aud", with("aud", `"aud":"mail"`, `"Aud":"chat"`), ReasonClaims},

		{"an escaped name is the same name", with("token_type", `"\u0074oken_type":"access"`), ""},
		{"token_type twice", with("", `"token_type":"access"`), ReasonMalformed},
		{"token_type twice, once escaped", with("", `"\u0074oken_type":"access"`), ReasonMalformed},
		{"token_type twice, once null", with("", `"token_type":null`), ReasonMalformed},
		{"user_id twice", with("", fmt.Sprintf(`"user_id":%q`, other)), ReasonMalformed},
		{"exp twice", with("", `"exp":9999999999`), ReasonMalformed},
		{"iat twice", with("", `"iat":1`), ReasonMalformed},
		{"nbf twice", with("", `"nbf":1`), ReasonMalformed},
		{"iss twice", with("", `"iss":"us"`), ReasonMalformed},
		{"aud twice", with("", `"aud":"chat"`), ReasonMalformed},
		{"a claim that is not read, twice", with("", `"jti":"a"`, `"jti":"b"`), ""},
		{"claims within a claim", with("", `"extra":{"token_type":"refresh","exp":1,"exp":2}`), ""},
		{"exp null", with("exp", `"exp":null`), ReasonClaims},
		{"exp beyond any number", with("exp", `"exp":1e999`), ReasonMalformed},
		{"white space", " {\n\t\"token_type\" : \"access\" , " + with("token_type")[1:] + " ", ""},
	} {
		bearer := claimsText(t, c.payload)
		fresh := verifier(t, Config{Secret: secret, Issuer: "us", Audience: "chat"})
		warm := verifier(t, Config{Secret: secret, Issuer: "us", Audience: "chat"})
		mustAccept(t, warm, "the token before", claimsText(t, with("")))
		for how, v := range map[string]*Verifier{"fresh": fresh, "warm": warm} {
			if c.want == "" {
				mustAccept(t, v, c.name+", "+how, bearer)
			} else {
				mustRefuse(t, v, c.name+", "+how, bearer, c.want)
			}
		}
	}
}

package event

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agree fails unless the decoders of views and likes return what the general decoder does.
func agree(t *testing.T, data []byte) {
	t.Helper()
	for name, both := range map[string][2]func([]byte) (Event, error){
		"viewed":  {decodeViewed, decode[ProductViewed]},
		"liked":   {decodeLiked, decode[ProductLiked]},
		"unliked": {decodeUnliked, decode[ProductUnliked]},
	} {
		got, err := both[0](data)
		want, wantErr := both[1](data)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(ProductViewed{}, ProductLiked{}, ProductUnliked{}, product{})); diff != "" {
			t.Errorf("%s %q: %s", name, data, diff)
		}
		if (err == nil) != (wantErr == nil) || errors.Is(err, ErrUnreadable) != errors.Is(wantErr, ErrUnreadable) {
			t.Errorf("%s %q: %v, want %v", name, data, err, wantErr)
		}
	}
}

// plainSamples are texts near the border between the two decoders.
func plainSamples() []string {
	const user = `"0192f0c1-0000-7000-8000-00000000000a"`
	ids := []string{
		"null", user, strings.ToUpper(user), `"0192f0c1-0000-7000-8000-00000000000"`, `"0192f0c1-0000-7000-8000-00000000000g"`,
		`"0192f0c1-0000-7000-8000-0000000-000a"`, `"0192f0c100000-7000-8000-00000000000a"`, `"\u0030192f0c1-0000-7000-8000-0000000a"`, `""`, `7`, "nul", "NULL",
	}
	var all []string
	for _, product := range []string{"17", "0", "-1", "017", "1.0", "1e2", "999999999999999999", "9223372036854775807", "9223372036854775808", "", "null", `"17"`, "true"} {
		for _, id := range ids {
			all = append(all, `{"productId":`+product+`,"userId":`+id+`}`)
		}
	}
	return append(all,
		``, `{}`, `null`, `[]`, `{"productId":17`, `{"productId":17,`, `{"productId":17}`, `{"productId":17,"userId":null`, `{"productId":17,"userId":null} `,
		` {"productId":17,"userId":null}`, `{"productId":17 ,"userId":null}`, `{"productId":17,"userId": null}`, `{"productId":17,"userId":null}}`,
		`{"userId":`+user+`,"productId":17}`, `{"productId":17,"userId":`+user+`,"more":1}`, `{"productId":17,"userId":`+user+`,"productId":18}`,
		`{"PRODUCTID":17,"userId":`+user+`}`, `{"productId":17,"userId":`+user+"}\x00", `{"productId":17,"userId":`+user+` }`)
}

func TestViewsAndLikesAreReadAsTheGeneralDecoderReadsThem(t *testing.T) {
	t.Parallel()
	for _, text := range plainSamples() {
		agree(t, []byte(text))
	}
}

// The form in which this program writes views and likes is read without the general
// decoder, which takes ten times as long.
func TestTheFormOfThisProgramIsReadWithoutTheDecoder(t *testing.T) {
	t.Parallel()
	for _, e := range []Event{NewProductViewed(17, nil), NewProductViewed(1<<53, &someUser), NewProductLiked(17, someUser), NewProductUnliked(1, someUser)} {
		v, err := Wrap(someOrder, someTime, "", e)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, ok := plainFields(v.Data); !ok {
			t.Errorf("%s is not plain", v.Data)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, text := range plainSamples() {
		f.Add([]byte(text))
	}
	f.Fuzz(agree)
}

func BenchmarkOpenView(b *testing.B) {
	data := []byte(`{"productId":1234,"userId":"0192f0c1-0000-7000-8000-00000000000a"}`)
	for name, open := range map[string]func([]byte) (Event, error){"plain": decodeViewed, "general": decode[ProductViewed]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := open(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestAViewIsAppendedAsTheGeneralEncoderWritesIt(t *testing.T) {
	t.Parallel()
	for _, e := range []ProductViewed{NewProductViewed(17, nil), NewProductViewed(1<<63-1, &someUser), NewProductViewed(-1, &someOrder)} {
		want, err := json.Marshal(e)
		if got := string(e.AppendJSON([]byte("x"))); got != "x"+string(want) || err != nil {
			t.Errorf("%s, want x%s (%v)", got, want, err)
		}
	}
}

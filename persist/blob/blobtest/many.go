package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/persist/blob"
)

// many is more than a store may answer in one page.
const many = 1010

func readersSeeOneWhole(t *testing.T, b blob.Blob) {
	versions := [][]byte{Random(1, 300_000), Random(2, 200_000)}
	put(t, b, "k", versions[0])
	var all sync.WaitGroup
	defer all.Wait()
	for i := range 20 {
		all.Go(func() {
			content := versions[i%2]
			if _, err := b.Put(t.Context(), "k", bytes.NewReader(content), int64(len(content)), mime); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			o, err := b.Get(t.Context(), "k", blob.Whole)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(o)
			if err := errors.Join(err, o.Close()); err != nil {
				t.Error(err)
			} else if !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
				t.Errorf("%d bytes of neither", len(got))
			}
		})
	}
}

func listYieldsAll(t *testing.T, b blob.Blob) {
	if all := keys(t, b, ""); len(all) != 0 {
		t.Fatalf("an empty store lists %q", all)
	}
	want := map[string]int64{}
	for i := range 40 {
		key := fmt.Sprintf("key-%d", i)
		put(t, b, key, Random(1, i))
		want[key] = int64(i)
	}
	for info, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if size, ok := want[info.Key]; !ok || size != info.Size || info.Modified.IsZero() {
			t.Errorf("listed: %+v, and it has %d bytes", info, size)
		}
		delete(want, info.Key)
	}
	if len(want) != 0 {
		t.Errorf("not listed: %v", want)
	}
}

func listGoesOn(t *testing.T, b blob.Blob) {
	for i := range 30 {
		put(t, b, fmt.Sprintf("k%d", i), nil)
	}
	all := keys(t, b, "")
	for i, key := range all {
		if i%2 == 0 { // the key after which it goes on need not be there
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if got := keys(t, b, key); !slices.Equal(got, all[i+1:]) {
			t.Fatalf("after %s: %q and not %q", key, got, all[i+1:])
		}
	}
	for range b.List(t.Context(), "") {
		break // whoever has seen enough may leave
	}
}

func listOfMany(t *testing.T, b blob.Blob) {
	const writers = 8
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < many; i += writers {
				if _, err := b.Put(t.Context(), fmt.Sprintf("k%d", i), bytes.NewReader(nil), 0, mime); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	listed := keys(t, b, "")
	slices.Sort(listed)
	if n := len(slices.Compact(listed)); n != many || len(listed) != many {
		t.Errorf("%d blobs listed, %d of them different, %d are there", len(listed), n, many)
	}
}

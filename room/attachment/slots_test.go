package attachment_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/attachment"
)

// TestUploadsOfOneUserGiveWay to somebody else's who has waited for a while, the oldest first, down to
// as many as others have.
func TestUploadsOfOneUserGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := attachment.New(noRows{}, nil, attachment.Config{SweepEvery: time.Hour})
		defer s.Close()
		over := make(chan struct{})
		defer close(over)
		var gaveWay []int
		for i := range attachment.UploadsMax {
			user, end := uuid.UUID{byte(1 + i%2)}, make(chan struct{})
			done, err := s.Turn(t.Context(), user, func() { close(end) })
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				select {
				case <-end:
					gaveWay = append(gaveWay, i)
				case <-over:
				}
				done()
			}()
			synctest.Wait()
		}
		begun := time.Now()
		for i := range 2 {
			if _, err := s.Turn(t.Context(), uuid.UUID{9}, func() {}); err != nil || len(gaveWay) != i+1 {
				t.Errorf("%v, gave way: %v", err, gaveWay)
			}
		}
		if gaveWay[0] != 0 || gaveWay[1] != 1 || time.Since(begun) > 15*time.Second {
			t.Errorf("gave way: %v, after %v", gaveWay, time.Since(begun))
		}
	})
}

// TestWhoWaitsForLongestIsNext: nobody who comes later is before them.
func TestWhoWaitsForLongestIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := attachment.New(noRows{}, nil, attachment.Config{SweepEvery: time.Hour})
		defer s.Close()
		var first func()
		for i := range attachment.UploadsMax {
			done, err := s.Turn(t.Context(), uuid.UUID{1, byte(i)}, func() {})
			if err != nil {
				t.Fatal(err)
			}
			first = done
		}
		var order []int
		for i := range 3 {
			go func() {
				done, err := s.Turn(t.Context(), uuid.UUID{2, byte(i)}, func() {})
				if err != nil {
					if !errors.Is(err, attachment.ErrCrowded) {
						t.Error(err)
					}
					return
				}
				order = append(order, i)
				time.Sleep(time.Second)
				done()
			}()
			synctest.Wait()
		}
		first()
		done, err := s.Turn(t.Context(), uuid.UUID{3}, func() {})
		if err != nil || len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 {
			t.Errorf("%v, in the order %v", err, order)
		}
		done()
	})
}

// TestTwoUsersKeepNobodyOut, though each waits for as many uploads as may wait, and has for longer:
// what ends for somebody else is theirs.
func TestTwoUsersKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := attachment.New(noRows{}, nil, attachment.Config{SweepEvery: time.Hour})
		defer s.Close()
		ctx, end := context.WithCancel(t.Context())
		defer end()
		refused := 0
		for range 2*attachment.UploadsUserMax + 1 {
			for _, user := range []uuid.UUID{{1}, {2}} {
				go func() {
					given, over := context.WithCancel(ctx)
					defer over()
					done, err := s.Turn(ctx, user, over)
					if err == nil {
						<-given.Done()
						done()
					} else if ctx.Err() == nil {
						refused++
						if !errors.Is(err, attachment.ErrUserCrowded) {
							t.Error(err)
						}
					}
				}()
				synctest.Wait()
			}
		}
		if st := s.Stats(); st.UploadsNow != attachment.UploadsMax || st.WaitingNow != 2*attachment.UploadsUserMax || refused != 2 {
			t.Errorf("%+v, %d refused", st, refused)
		}
		done, err := s.Turn(t.Context(), uuid.UUID{3}, func() {})
		if st := s.Stats(); err != nil || st.WaitingNow != 2*attachment.UploadsUserMax {
			t.Fatalf("%v, %+v", err, st)
		}
		done()
		end()
		synctest.Wait()
	})
}

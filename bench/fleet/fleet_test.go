package fleet

import "testing"

// The ids are part of the contract of `caravan seed`.
func TestIDsAreThoseOfCaravanSeed(t *testing.T) {
	if got := User(0).String(); got != "266316b5-abb3-58e5-bb58-599144c494da" {
		t.Errorf("user 0 is %s", got)
	}
	if got := Trip(7).String(); got != "084c74d7-3c59-5849-8e27-1ecf6f416c12" {
		t.Errorf("trip 7 is %s", got)
	}
}

func TestEverySeatIsTakenByACollaborator(t *testing.T) {
	for _, f := range []Fleet{{1, 1}, {10, 3}, {9, 3}, {3, 3}, {100, 7}} {
		for trip := range f.Trips {
			members := map[int]bool{}
			for k := range 3 * f.Members(trip) {
				user := f.Member(trip, k)
				if user < 0 || user >= f.Users || user%f.Trips != trip {
					t.Fatalf("%+v: seat %d of trip %d is taken by user %d", f, k, trip, user)
				}
				members[user] = true
			}
			if len(members) != f.Members(trip) {
				t.Errorf("%+v: trip %d has %d members, %d took seats", f, trip, f.Members(trip), len(members))
			}
		}
	}
}

func TestCheck(t *testing.T) {
	if err := (Fleet{10, 5}).Check(5); err != nil {
		t.Error(err)
	}
	for _, f := range []Fleet{{}, {10, 4}, {4, 5}} {
		if f.Check(5) == nil {
			t.Errorf("%+v has members for 5 rooms", f)
		}
	}
}

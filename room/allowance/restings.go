package allowance

// restings are the allowances of a shard that nobody holds, in the order in which they began
// to rest. They are linked by themselves: each client that comes takes one out.
type restings struct {
	oldest, newest *Allowance
	n              int
}

func (r *restings) add(a *Allowance) {
	a.older, a.newer = r.newest, nil
	if r.newest != nil {
		r.newest.newer = a
	} else {
		r.oldest = a
	}
	r.newest = a
	r.n++
}

// remove takes out one that is in it.
func (r *restings) remove(a *Allowance) {
	if a.older != nil {
		a.older.newer = a.newer
	} else {
		r.oldest = a.newer
	}
	if a.newer != nil {
		a.newer.older = a.older
	} else {
		r.newest = a.older
	}
	a.older, a.newer = nil, nil
	r.n--
}

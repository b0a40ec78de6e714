package persist

import "context"

// Shares divide the connections that serve everybody, so that slow reads of one kind leave
// some for the others: reads of missed events leave two, and all but the questions who may
// enter a room leave one. It is safe for concurrent use.
type Shares struct {
	besides chan struct{} // one element for each read that is no such question
	missed  chan struct{} // of them, one for each of missed events
}

// What is left to the others, where there are connections enough.
const (
	leftByMissed  = 2
	leftByBesides = 1
)

// NewShares divides a number of connections.
func NewShares(connections int) *Shares {
	return &Shares{
		besides: make(chan struct{}, max(1, connections-leftByBesides)),
		missed:  make(chan struct{}, max(1, connections-leftByMissed)),
	}
}

// Missed waits until missed events may be read, and returns what ends that. Its error is
// the context's.
func (s *Shares) Missed(ctx context.Context) (done func(), err error) {
	if err := enter(ctx, s.missed); err != nil {
		return nil, err
	}
	besides, err := s.Besides(ctx)
	if err != nil {
		<-s.missed
		return nil, err
	}
	return func() {
		besides()
		<-s.missed
	}, nil
}

// Besides is Missed for other reads that are no question who may enter a room.
func (s *Shares) Besides(ctx context.Context) (done func(), err error) {
	if err := enter(ctx, s.besides); err != nil {
		return nil, err
	}
	return func() { <-s.besides }, nil
}

func enter(ctx context.Context, share chan struct{}) error {
	select {
	case share <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

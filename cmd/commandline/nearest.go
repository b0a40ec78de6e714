package commandline

// Nearest returns the one of some names that a name differs least from, in at most one letter
// of three; empty where there is none.
func Nearest(name string, of []string) (meant string) {
	least := len(name)/3 + 1
	for _, other := range of {
		if d := differences(name, other); d < least {
			meant, least = other, d
		}
	}
	return meant
}

// differences counts the letters to insert, delete or replace until a is b, and the
// neighbours to exchange.
func differences(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last, next := row, make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			next[j+1] = min(last[j]+change, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = last, next
	}
	return row[len(b)]
}

package compare

import (
	"math"
	"slices"
)

// Interval is by how much the values of b differ from those of a: b's are Ratio times a's.
type Interval struct {
	Ratio      float64 `json:"ratio"`
	Low        float64 `json:"low"` // of the ratio, with the Confidence given; zero where there are too few values
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	P          float64 `json:"p"` // that values so different come from the same source
}

// confidence is what is wanted of an interval. Four values against four can give it, three cannot.
const confidence = 0.95

// ratioOf compares positive values without asking how they are distributed. The ratio is the
// median of all ratios of a value of b to one of a (Hodges and Lehmann, on logarithms), its
// interval and p follow from the exact distribution of Mann and Whitney's U.
func ratioOf(a, b []float64) Interval {
	differences := make([]float64, 0, len(a)*len(b))
	u := 0.0 // pairs in which b is greater
	for _, x := range a {
		for _, y := range b {
			d := math.Log(y) - math.Log(x)
			differences = append(differences, d)
			switch {
			case d > 0:
				u++
			case d == 0:
				u += 0.5
			}
		}
	}
	slices.Sort(differences)
	below := cumulative(len(a), len(b))
	pairs := len(differences)
	i := Interval{Ratio: math.Exp(median(differences)), Confidence: confidence}
	i.P = min(1, 2*below[int(math.Floor(min(u, float64(pairs)-u)))])
	k := 0 // differences that are left out at each end
	for k < pairs && below[k] <= (1-confidence)/2 {
		k++
	}
	if k > 0 {
		i.Low, i.High = math.Exp(differences[k-1]), math.Exp(differences[pairs-k])
	}
	return i
}

// cumulative returns the probabilities that U is at most 0, 1, … where a and b come from the same source.
func cumulative(n, m int) []float64 {
	// ways[j][u]: of how many choices of some ranks have j been taken that give u.
	ways := make([][]float64, n+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
	}
	ways[0][0] = 1
	for rank := range n + m {
		for j := min(rank+1, n); j >= 1; j-- {
			step := rank + 1 - j // how many of the others are lower than the rank if it is the jth
			if step > m {
				continue
			}
			for u := n * m; u >= step; u-- {
				ways[j][u] += ways[j-1][u-step]
			}
		}
	}
	all, sum := 0.0, 0.0
	for _, w := range ways[n] {
		all += w
	}
	below := make([]float64, n*m+1)
	for u, w := range ways[n] {
		sum += w
		below[u] = sum / all
	}
	return below
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

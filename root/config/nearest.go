package config

// nearest returns the word that name is most likely a misspelling of; "" if
// none is near.
func nearest(name string, words []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, w := range words {
		if d := editDistance(name, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, remove or replace (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			replace := before
			if a[i] != b[j] {
				replace++
			}
			before = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

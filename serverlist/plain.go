package serverlist

import "math/bits"

// plain returns how many bytes at the start of s are printable ASCII other than
// '"' and '\'. Nearly all text of a list is, and both the reader of JSON and
// the checks of text spend most of their time on it, so it looks at eight bytes
// at once.
func plain(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		word := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if marks := special(word); marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x7F && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101 // multiplied by a byte: that byte eight times
	highs = 0x80 * ones
)

// special marks the high bit of each byte of the word that is not plain. A byte
// after the first marked one may be marked wrongly: subtractions borrow.
func special(word uint64) uint64 {
	marks := word                     // above 0x7F: the high bit is set
	marks |= word - 0x20*ones         // below 0x20: the subtraction borrows
	marks |= (word ^ '"'*ones) - ones // equal: zero, and the subtraction borrows
	marks |= (word ^ '\\'*ones) - ones
	marks |= (word ^ 0x7F*ones) - ones
	return marks & highs
}

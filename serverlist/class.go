package serverlist

// A class is a set of the bytes that a kind of word may have.
type class uint8

const (
	inSlug     class = 1 << iota // an id or a slug
	inLanguage                   // a language tag
	inHost                       // a label of a host's name
	inHex                        // a hex digit in either case
)

// classes holds the classes of each byte.
var classes = func() (table [256]class) {
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	for class, bytes := range map[class]string{
		inSlug:     lower + digits + "-",
		inLanguage: lower + upper + digits + "-",
		inHost:     lower + upper + digits + "-_",
		inHex:      digits + "abcdefABCDEF",
	} {
		for _, c := range []byte(bytes) {
			table[c] |= class
		}
	}
	return table
}()

// all tells whether every byte of s is in the class.
func all(s string, in class) bool {
	for i := range len(s) {
		if classes[s[i]]&in == 0 {
			return false
		}
	}
	return true
}

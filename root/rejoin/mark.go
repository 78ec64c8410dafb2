package rejoin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// A Mark lies in the data folder from a restore until [Run] has looked at
// the mirrors.
type Mark struct {
	Made     time.Time `json:"made"` // the backup
	Restored time.Time `json:"restored"`
	Mirrors  []string  `json:"mirrors,omitempty"` // URLs to ask, too
}

// WriteMark says that a folder was restored.
func WriteMark(d datafolder.Folder, mark Mark) error {
	text, err := json.MarshalIndent(mark, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(d.RestoredMark(), append(text, '\n'), 0o600)
}

// maxMark is more than a mark has, in bytes.
const maxMark = 1 << 20

// readMark returns the mark of a restored folder; nil: there is none.
func readMark(d datafolder.Folder) (*Mark, error) {
	text, err := datafolder.ReadFile(d.RestoredMark(), maxMark)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mark := &Mark{}
	if err := json.Unmarshal(text, mark); err != nil {
		return nil, fmt.Errorf("%s, which a restore has left until the mirrors are looked at, is damaged: %w", d.RestoredMark(), err)
	}
	return mark, nil
}

// A RestoredError says that a root was restored from a backup and has not
// looked at its mirrors since.
type RestoredError struct {
	Data string
	Made time.Time // the backup
}

func (e *RestoredError) Error() string {
	return fmt.Sprintf("%s was restored from a backup of %s, and its mirrors may have a newer list: \"metaserver root serve\" looks at them first", e.Data, e.Made.Format(time.RFC3339))
}

// Check refuses a restored root that has not looked at its mirrors since, with
// a [*RestoredError].
func Check(d datafolder.Folder) error {
	mark, err := readMark(d)
	if err == nil && mark != nil {
		err = &RestoredError{Data: string(d), Made: mark.Made}
	}
	return err
}

package datafolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// ReadList reads the list that is published under a name, and verifies it.
func ReadList(d Folder, name string, chain *keys.Chain) (*serverlist.List, error) {
	f, err := os.Open(d.Published(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	want := serverlist.Want{Origin: chain.Origin(), Type: serverlist.TypeServerList}
	if name == serverlist.NameMirrorList {
		want.Type = serverlist.TypeMirrorList
	}
	return serverlist.Read(f, want, chain)
}

// ReadPublished is [ReadList] with an error that says what to do.
func ReadPublished(d Folder, name string, chain *keys.Chain) (*serverlist.List, error) {
	list, err := ReadList(d, name, chain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing; \"metaserver root serve\" publishes it again", d.Published(name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not hold; \"metaserver root serve\" publishes it again: %w", d.Published(name), err)
	}
	return list, nil
}

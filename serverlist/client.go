package serverlist

const (
	nameServerList = "server.list"
	nameMirrorList = "mirror.list"
)

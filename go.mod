module github.com/signed-metaserver/metaserver

go 1.26.0

package main

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// numbers are what a player may type for a server.
func numbers(n int) string {
	if n == 1 {
		return "1"
	}
	return fmt.Sprintf("1-%d", n)
}

func count(n int) string {
	if n == 1 {
		return "1 server"
	}
	return fmt.Sprintf("%d servers", n)
}

// about says in plain words where a list is from and how old it is.
func about(r serverlist.Result, looking bool) string {
	from := "Just confirmed by " + r.From
	if r.Source != serverlist.SourceLive {
		from = "Nobody could be reached, so this is"
		if looking {
			from = "Still looking for news; until then this is"
		}
		from += map[serverlist.Source]string{
			serverlist.SourceCached: " the list of last time",
			serverlist.SourceStatic: " the list that came with the program",
		}[r.Source]
	}
	words := fmt.Sprintf("%s, %s old.", from, age(r.Age))
	switch r.Freshness {
	case serverlist.Stale:
		words += " It should be newer by now; some servers may have moved."
	case serverlist.Old:
		words += " IT IS OLD: many servers may have moved or gone."
	}
	if r.ClockSuspect {
		words += " It is dated in the future: is the clock of this computer right?"
	}
	return words
}

// age rounds to what people say.
func age(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.length); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a minute"
}

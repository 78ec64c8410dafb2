package serverlist

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var (
	errString = errors.New("is not a string")
	errArray  = errors.New("is not an array")
)

func (v value) asString(into *string, check func(string) error) error {
	if v.kind != kindString {
		return errString
	}
	if err := check(v.text); err != nil {
		return err
	}
	*into = v.text
	return nil
}

func (v value) asStrings(into *[]string, most int, check func(string) error) error {
	if v.kind != kindArray {
		return errArray
	}
	p := scanner{s: v.raw}
	var a arrayReader
	out := make([]string, 0, min(most, strings.Count(v.raw, ",")+1))
	for a.next(&p) {
		if len(out) == most {
			return fmt.Errorf("has more than %d elements", most)
		}
		var text string
		if err := a.value.asString(&text, check); err != nil {
			return fmt.Errorf("element %d: %w", len(out), err)
		}
		out = append(out, text)
	}
	*into = out
	return a.err
}

func (v value) asInteger(into *int64, least, most int64) error {
	n, err := strconv.ParseInt(v.raw, 10, 64)
	if v.kind != kindNumber || err != nil || v.raw == "-0" || n < -maxInteger || n > maxInteger {
		return errors.New("is not an integer")
	}
	if n < least || n > most {
		return fmt.Errorf("is not from %d to %d", least, most)
	}
	*into = n
	return nil
}

func (v value) asBool(into *bool) error {
	if v.raw != "true" && v.raw != "false" {
		return errors.New("is neither true nor false")
	}
	*into = v.raw == "true"
	return nil
}

// asObject reads an object's members; each returns an error if it is wrong.
func (v value) asObject(member func(name string, v value) error) error {
	if v.kind != kindObject {
		return errors.New("is not an object")
	}
	p := scanner{s: v.raw}
	var o objectReader
	for o.next(&p) {
		if err := member(o.name, o.value); err != nil {
			return err
		}
	}
	return o.err
}

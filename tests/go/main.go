// SPDX-License-Identifier: Apache-2.0

// Go's own sumdb code reads our notes and trees. Input: one JSON object on standard input.
// Output: one line of JSON for what it could verify, or an error and exit status 1.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"vestibule.test/check/note"
	"vestibule.test/check/tlog"
)

type inclusion struct {
	Index int64    `json:"index"`
	Leaf  string   `json:"leaf"`
	Path  []string `json:"path"`
}

type consistency struct {
	Old  int64    `json:"old"`
	Root string   `json:"root"`
	Path []string `json:"path"`
}

type input struct {
	Vkey        string        `json:"vkey"`
	Checkpoint  string        `json:"checkpoint"`
	Inclusions  []inclusion   `json:"inclusions"`
	Consistency []consistency `json:"consistency"`
}

func hashes(texts []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		check(err)
		found = append(found, hash)
	}
	return found
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var given input
	check(json.NewDecoder(os.Stdin).Decode(&given))
	verifier, err := note.NewVerifier(given.Vkey)
	check(err)
	opened, err := note.Open([]byte(given.Checkpoint), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	for _, one := range given.Inclusions {
		leaf, err := base64.StdEncoding.DecodeString(one.Leaf)
		check(err)
		check(tlog.CheckRecord(hashes(one.Path), size, root, one.Index, tlog.RecordHash(leaf)))
	}
	for _, one := range given.Consistency {
		check(tlog.CheckTree(hashes(one.Path), size, root, one.Old, hashes([]string{one.Root})[0]))
	}
	fmt.Printf("{\"signatures\": %d, \"unknown\": %d, \"size\": %d}\n",
		len(opened.Sigs), len(opened.UnverifiedSigs), size)
}

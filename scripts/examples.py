# SPDX-License-Identifier: GPL-2.0
#
# Takes the examples out of the documentation of Rust files, each into a file of its own:
# examples.awk -v folder=<folder> <file>... Prints the names of the files, without ".rs".
#
# An example is the body of a function, unless it is a whole module.

function base(path) {
	sub(/.*\//, "", path)
	sub(/\.rs$/, "", path)
	return path
}

function finish(    out) {
	name = "example_" base(FILENAME) "_" ++number[FILENAME]
	out = folder "/" name ".rs"
	print "// From " FILENAME ", line " start "." >out
	print "#![allow(dead_code, missing_docs, unused)]" >out
	if (text !~ /module_connector!/)
		text = "pub fn example() {\n" text "}\n"
	printf "%s", text >out
	close(out)
	print name
}

{
	line = $0
	if (!sub(/^ *\/\/[\/!] ?/, "", line)) {
		inside = 0
		next
	}
}

line == "```" && !inside { inside = 1; text = ""; start = FNR; next }
line == "```" { inside = 0; finish(); next }

inside {
	# A line that readers do not see.
	sub(/^# /, "", line)
	sub(/^#$/, "", line)
	text = text line "\n"
}

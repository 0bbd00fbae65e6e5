# SPDX-License-Identifier: GPL-2.0
#
# Takes the tutorial page apart, into the folder `out`:
#   files/NAME   what blocks with a caption hold; an included file is copied from beside the page (`page`)
#   build.sh     the commands of blocks of the language sh, in order; where a file is shown, it is
#                copied from $FILES
#   session      blocks of the language console: "# command" lines, each with its output below

function begin() {
	if (caption != "")
		print "cp \"$FILES/" caption "\" ." >(out "/build.sh")
	if (kind == "literalinclude") {
		system("cp '" page "/" argument "' '" out "/files/" caption "'")
		target = ""
	} else if (caption != "")
		target = (out "/files/" caption)
	else if (argument == "sh")
		target = out "/build.sh"
	else if (argument == "console")
		target = out "/session"
	else
		target = ""
}

/^\.\. (code-block|literalinclude):: / {
	kind = $2
	sub(/::$/, "", kind)
	argument = $3
	caption = ""
	options = 1
	inside = 1
	pending = 0
	next
}

inside && options && /^   :[a-z]+:/ {
	if ($1 == ":caption:") caption = $2
	next
}

inside && options && /^$/ {
	begin()
	options = 0
	next
}

# Empty lines belong to a block only when more of it follows.
inside && /^$/ { pending++; next }

inside && /^   / {
	for (; pending > 0; pending--) if (target != "") print "" >target
	if (target != "") print substr($0, 4) >target
	next
}

inside { inside = 0; pending = 0 }

# SPDX-License-Identifier: GPL-2.0
#
# The coverage points of a module, from its disassembly with relocations (llvm-objdump -dr): section, the address that KCOV
# records, the call that records, kind, function; see coverage_points.sh.

function hex(text,    value, i) {
	gsub(/^0x|:$/, "", text)
	for (i = 1; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value + 0
}

BEGIN { OFS = "\t" }

/^Disassembly of section / {
	section = $4
	sub(/:$/, "", section)
	next
}

# A function: its address and name.
/^[0-9a-f]+ <.*>:$/ {
	name = $2
	gsub(/^<|>:$/, "", name)
	here = name
	start[section, hex($1)] = name
	next
}

# The coverage point before an instruction that ends the kernel.
$2 == "ud2" && of[count] == here {
	panics[count] = 1
	next
}

# An instruction that goes to the start of a function in the same section.
$2 ~ /^(callq|jmp|j[a-z]+)$/ && $4 ~ /^<[^+]*>$/ {
	target = $4
	gsub(/[<>]/, "", target)
	if (target != here) calls[here] = calls[here] "\n" target
}

# A relocation. A panic belongs to the coverage point before it.
$2 ~ /^R_X86_64_/ {
	if ($3 ~ /^__sanitizer_cov_trace_pc-0x4$/) {
		count++
		of[count] = here
		in_section[count] = section
		offset[count] = hex($1) + 4
	} else if ($3 ~ /panicking/ || $3 ~ /^(rust_begin_unwind|__ubsan_handle)/) {
		if (of[count] == here) panics[count] = 1
	} else if ($2 == "R_X86_64_PLT32" || $2 == "R_X86_64_PC32") {
		if ($3 ~ /^\.[a-z._]*text[a-z._]*\+0x/) {
			split($3, parts, "+")
			later[++pending] = here SUBSEP parts[1] SUBSEP (hex(parts[2]) + 4)
		} else if ($3 ~ /-0x4$/) {
			target = $3
			sub(/-0x4$/, "", target)
			calls[here] = calls[here] "\n" target
		}
	}
}

END {
	for (i = 1; i <= pending; i++) {
		split(later[i], parts, SUBSEP)
		if ((parts[2], parts[3] + 0) in start)
			calls[parts[1]] = calls[parts[1]] "\n" start[parts[2], parts[3] + 0]
	}
	# What can be reached from the functions that receive messages.
	for (i = 1; i <= count; i++)
		if (of[i] ~ /6socket14input_callback|7channel7receive/ && !(of[i] in received)) {
			received[of[i]] = 1
			queue[++last] = of[i]
		}
	for (first = 1; first <= last; first++) {
		n = split(calls[queue[first]], targets, "\n")
		for (i = 1; i <= n; i++)
			if (targets[i] != "" && !(targets[i] in received)) {
				received[targets[i]] = 1
				queue[++last] = targets[i]
			}
	}
	for (i = 1; i <= count; i++)
		printf "%s\t%x\t%x\t%s\t%s\n", in_section[i], offset[i], offset[i] - 5, \
			(i in panics ? "panic" : of[i] in received ? "receive" : "else"), of[i]
}

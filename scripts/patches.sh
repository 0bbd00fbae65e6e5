#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes the patch series that adds the connector to a kernel tree, in build/patches, and shows it to checkpatch.
#
# scripts/patches has a file for each patch: a line with its licence, the title and the text, a line "---", and the
# files that it adds. Each file of the connector has to be in one of them. Author, Signed-off-by and the maintainer's
# entry name the user of this script, as git knows it; the date is that of the last commit here. KSRC names a source to use
# instead of Debian's.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SERIES=$TOP/scripts/patches
RESULT=$TOP/build/patches
export GIT_CONFIG_NOSYSTEM=1

# The sender of the patches signs them off; no other person can.
find_author() {
	AUTHOR_NAME=${GIT_AUTHOR_NAME:-$(git -C "$TOP" config user.name || true)}
	AUTHOR_MAIL=${GIT_AUTHOR_EMAIL:-$(git -C "$TOP" config user.email || true)}
	if [ -z "$AUTHOR_NAME" ] || [ -z "$AUTHOR_MAIL" ]; then
		die 'git does not know who you are, and patches have to be signed off.' \
			"git config --global user.name 'Your Name'" "git config --global user.email you@example.org"
	fi
	export GIT_AUTHOR_NAME=$AUTHOR_NAME GIT_AUTHOR_EMAIL=$AUTHOR_MAIL
	export GIT_COMMITTER_NAME=$AUTHOR_NAME GIT_COMMITTER_EMAIL=$AUTHOR_MAIL
	GIT_AUTHOR_DATE=$(git -C "$TOP" log -1 --format=%cI)
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
}

# Only git is asked about the kernel's files, so those that change are enough of a tree.
make_base() {
	git init -q "$WORK/linux"
	cd "$WORK/linux"
	mkdir -p drivers include/uapi/linux Documentation/driver-api
	cp -r "$SOURCE/drivers/connector" drivers/
	cp "$SOURCE/MAINTAINERS" .
	git add -A
	git commit -q -m "Linux $VERSION"
	git branch base
}

write_kconfig() {
	sed '/^#/d' "$TOP/rust/Kconfig" | sed '1{/^$/d}' >"$WORK/Kconfig"
	awk -v file="$WORK/Kconfig" '/^endif # CONNECTOR$/ { while ((getline line < file) > 0) print line; print "" } { print }' \
		drivers/connector/Kconfig >"$WORK/whole"
	cp "$WORK/whole" drivers/connector/Kconfig
}

# The entries are nearly in the order of their titles; a title is what has a line with a letter and a colon below it.
write_maintainers() {
	local title before='' line='' ours='CONNECTOR IN RUST'
	printf '%s\n' "$ours" "M:	$AUTHOR_NAME <$AUTHOR_MAIL>" 'L:	netdev@vger.kernel.org' \
		'L:	rust-for-linux@vger.kernel.org' 'S:	Maintained' 'F:	Documentation/driver-api/connector-rust.rst' \
		'F:	drivers/connector/api/' 'F:	drivers/connector/base/' 'F:	drivers/connector/core/' 'F:	drivers/connector/glue/' \
		'F:	include/uapi/linux/connector_notify.h' '' >"$WORK/entry"
	while IFS= read -r title; do
		if [[ $before == CON* && $before < $ours && $title > $ours ]]; then
			line=$(grep -nxF -- "$title" MAINTAINERS | head -n 1 | cut -d: -f1)
			break
		fi
		before=$title
	done < <(grep -B 1 -P '^[A-Z]:\t' MAINTAINERS | grep -vP '^[A-Z]:\t|^--$')
	[ -n "$line" ] || die 'MAINTAINERS has no entries between which this one belongs.'
	sed -i "$((line - 1))r $WORK/entry" MAINTAINERS
}

# One file of the project, or something that is written from what the kernel has.
add_file() {
	local to
	case $1 in
	Kconfig) write_kconfig ;;
	MAINTAINERS) write_maintainers ;;
	*)
		case $1 in
		rust/*) to=drivers/connector/${1#rust/} ;;
		include/*) to=$1 ;;
		*.rst) to=Documentation/driver-api/$(basename "$1") ;;
		*) die "patches.sh: no place is known for $1" ;;
		esac
		mkdir -p "$(dirname "$to")"
		cp "$TOP/$1" "$to"
		printf '%s\n' "$1" >>"$WORK/added"
		;;
	esac
}

make_commit() {
	local file
	sed '1,/^---$/d' "$1" | while read -r file; do
		case $file in
		*'*'*) (cd "$TOP" && git ls-files --cached --others --exclude-standard -- "$file") ;;
		*) printf '%s\n' "$file" ;;
		esac
	done >"$WORK/names"
	while read -r file; do
		add_file "$file"
	done <"$WORK/names"
	git add -A
	sed '1d; /^---$/,$d' "$1" | git commit -q -s -F -
}

# Each file once; what is written anew here, and the page, are none of them.
check_complete() {
	local missing
	missing=$("$TOP/scripts/in-tree.sh" files | cut -f1 | grep -vE '^rust/Kconfig$' | grep -vxFf "$WORK/added" || true)
	[ -z "$missing" ] || die 'These files are in no patch of scripts/patches:' "$missing"
	missing=$(sort "$WORK/added" | uniq -d)
	[ -z "$missing" ] || die 'These files are in two patches of scripts/patches:' "$missing"
}

# Titles of a series say which they are; the cover letter is the text of 00.
format_patches() {
	local cover title
	rm -rf "$RESULT"
	mkdir -p "$RESULT"
	git format-patch -q --cover-letter --no-signature --zero-commit -o "$RESULT" base
	cover=$RESULT/0000-cover-letter.patch
	title=$(sed '2!d; s/[\\&|]/\\&/g' "$SERIES/00-cover.txt")
	tail -n +4 "$SERIES/00-cover.txt" >"$WORK/body"
	sed -i -e "s|\*\*\* SUBJECT HERE \*\*\*|$title|" -e "/\*\*\* BLURB HERE \*\*\*/{r $WORK/body" -e 'd}' "$cover"
	printf 'For Linux %s.\n' "$VERSION" >>"$cover"
}

# Two kinds of complaints miss what they mean: a symbol name behind "(void)" is taken for an argument, and a macro
# that declares and exports for one that belongs into a function.
# Outside of a git folder: in one, checkpatch reads the licences of the kernel from git, and a packaged source has none.
look_at_patches() {
	cd "$WORK"
	perl "$SOURCE/scripts/checkpatch.pl" --root="$SOURCE" --show-types --no-summary --ignore=FILE_PATH_CHANGES,FUNCTION_ARGUMENTS,MULTISTATEMENT_MACRO_USE_DO_WHILE "$RESULT"/*.patch
}

SOURCE=$(realpath "${KSRC:-$("$TOP/scripts/source.sh")}")
[ -e "$SOURCE/scripts/checkpatch.pl" ] ||
	die "There is no scripts/checkpatch.pl in $SOURCE." "KSRC= takes the top folder of a kernel source."
[ ! -e "$SOURCE/drivers/connector/core" ] || die "The source in $SOURCE has this connector in it already."
VERSION=$(version_of "$SOURCE")
hold "$TOP/build/patches.lock"
find_author
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
make_base
: >"$WORK/added"
for patch in "$SERIES"/*.txt; do
	[ "$(basename "$patch")" = 00-cover.txt ] || make_commit "$patch"
done
check_complete
format_patches
printf '%s patches and a cover letter for Linux %s, signed off by %s <%s>, in %s\n' "$(git rev-list --count base..)" \
	"$VERSION" "$AUTHOR_NAME" "$AUTHOR_MAIL" "$RESULT"
if look_at_patches >"$WORK/output"; then
	printf 'checkpatch has no complaint\n'
else
	cat "$WORK/output"
	die 'checkpatch complains.'
fi

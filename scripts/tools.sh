# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which compilers a kernel was built with, and where they are on this machine. A module has to be
# built by the very same ones. Sourced after lib.sh.

# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"

# The value of a configuration symbol of a built kernel, without quotes: config_of <kdir> <symbol>.
config_of() {
	sed -n "s/^$2=//p" "$1/include/config/auto.conf" | tr -d '"'
}

# The kernels that this was tested with, and the oldest series for which it compiles, as rust/Kbuild says.
tested_kernels() {
	sed -n 's/^cn_tested := //p' "$TOP/rust/Kbuild"
}

oldest_series() {
	sed -n 's/^cn_oldest := //p' "$TOP/rust/Kbuild"
}

# The version of a kernel source without what is behind the second number: series_of <source>.
series_of() {
	awk '$1 == "VERSION" { v = $3 } $1 == "PATCHLEVEL" { print v "." $3; exit }' "$1/Makefile"
}

# Refuses a kernel that is too old, and says of one that was not tested that it is tried: check_version <what> <series>.
check_version() {
	local oldest tested
	oldest=$(oldest_series)
	tested=$(tested_kernels | sed 's/ / and /g')
	if [ "$(printf '%s\n' "$oldest" "$2" | sort -V | head -n 1)" != "$oldest" ]; then
		die "$1 is Linux $2, and this needs $oldest or later." "It was tested with $tested."
	elif ! tested_kernels | tr ' ' '\n' | cut -d. -f1,2 | grep -qxF -- "$2"; then
		say "  $1 is Linux $2; this was tested with $tested. Trying it."
	fi
}

# Where the user programs are, which are the same for all kernels of one source: programs_of <kdir>.
programs_of() {
	printf '%s/programs/%s\n' "$ARCH_OUT" "$(source_of "$1" | digest)"
}

# What the kselftests of a kernel have: a line for each test, <program>.<fixture>.<test>, without its variants.
list_tests() {
	local program
	for program in "$(programs_of "$1")"/selftests/*_test; do
		# It does not look for a connector then. To have listed its tests is to have skipped them.
		{ CN_PROVIDER=rust ${USER_EMULATOR:+"$USER_EMULATOR"} "$program" -l 2>&1 || [ $? = 4 ]; } |
			awk -v name="${program##*/}" '/^[a-z]/ { fixture = $1 } !/^[#-]/ && NF > !/^ / { print name "." fixture "." $NF }'
	done
}

# The kselftests of a kernel as lines for /guest/programs, which are a program and options that choose some of its tests: those
# whose program has a name that matches a regular expression; if that has a dot, also fixtures and tests:
# choose_tests <kernel build directory> [expression]
choose_tests() {
	local program fixture test option expression=${2:-}
	local -A options=()
	while IFS=. read -r program fixture test; do
		if [[ $program =~ $expression ]]; then
			option=
		elif [[ $expression != *.* ]]; then
			continue
		elif [[ $program.$fixture =~ $expression ]]; then
			option=" -f $fixture"
		elif [[ $program.$fixture.$test =~ $expression ]]; then
			option=" -t $test"
		else
			continue
		fi
		options[$program]=${options[$program]-}
		case "${options[$program]} " in
		*"$option "*) ;;
		*) options[$program]+=$option ;;
		esac
	done < <(list_tests "$1")
	for program in "${!options[@]}"; do
		printf '%s\n' "$program${options[$program]}"
	done | sort
}

# The first of the given programs whose first --version line is the wanted text.
program_saying() {
	local wanted=$1 program
	shift
	for program in "$@"; do
		command -v "$program" >/dev/null || continue
		if [ "$("$program" --version 2>/dev/null | head -n 1)" = "$wanted" ]; then
			command -v "$program"
			return
		fi
	done
	return 1
}

# Refuses a compiler that a variable of make names and that is not there, or does not run:
# need_program <variable> <program> <what to do...>
need_program() {
	local variable=$1 program=$2
	shift 2
	command -v "$program" >/dev/null || die "$program ($variable) is not on this machine." "$@"
	"$program" --version >/dev/null 2>&1 || die "$program ($variable) does not run here: '$program --version' fails." "$@"
	case $variable in
	RUSTC | BINDGEN)
		[[ "$("$program" --version)" == "${variable,,} "* ]] || die "$program ($variable) is no ${variable,,}: '$program --version' says something else." "$@"
		;;
	esac
}

# How a program of LLVM is called: llvm_program <LLVM=> <program>
llvm_program() {
	case $1 in
	*/) printf '%s\n' "$1$2" ;;
	-*) printf '%s\n' "$2$1" ;;
	*) printf '%s\n' "$2" ;;
	esac
}

# Refuses a value of LLVM= whose programs are not there; one message names the first: need_llvm <LLVM=>
need_llvm() {
	local program suffix folder others
	local -a advice=()
	[[ $1 =~ ^(1|-[0-9]+|.*/)$ ]] || die "LLVM is $1; it can be 1, a suffix such as -19, or a folder with a / at its end."
	suffix=$(llvm_program "$1" '')
	case $1 in
	*/) advice=('LLVM= names the folder that has them, or the suffix of their names.') ;;
	*) advice=("Debian has them: apt-get install clang$suffix lld$suffix llvm$suffix") ;;
	esac
	others=$(IFS=: && for folder in $PATH; do printf '%s\n' "$folder"/clang-[0-9]*; done |
		sed -nE 's|.*/clang(-[0-9]+)$|LLVM=\1|p' | sort -u | paste -sd ' ')
	[ -z "$others" ] || advice+=("There is here: $others")
	for program in clang ld.lld llvm-nm; do
		need_program "LLVM=$1" "$(llvm_program "$1" "$program")" "${advice[@]}"
	done
}

# What gets the rustc that says a text: get_rustc <text>. Debian says so in its own.
get_rustc() {
	case $1 in
	*'built from a source tarball'*) printf 'It is of a distribution. On Debian: apt-get install rustc rust-src\n' ;;
	*) awk '{ print "It is the one of rustup: rustup toolchain install " $2 " --component rust-src" }' <<<"$1" ;;
	esac
}

# All bindgen programs that set-up has built, newest first.
cached_bindgens() {
	find "$CACHE" -maxdepth 3 -path '*/bindgen-*/bin/bindgen' 2>/dev/null | sort -r
}

# Sets TOOLS, the make arguments that name the compilers, and IN_ROOT, what runs a command where they are: find_tools <kdir>.
find_tools() {
	local kdir=$1 wanted bindgens
	TOOLS=()
	IN_ROOT=()
	# A kernel of Debian comes with a root that has its compilers, by the names that it uses.
	if [ -e "$kdir/debian-root" ]; then
		# shellcheck disable=SC2034
		IN_ROOT=("$TOP/scripts/stock.sh" run "$kdir")
		return
	fi

	wanted=$(config_of "$kdir" CONFIG_RUSTC_VERSION_TEXT)
	RUSTC=${RUSTC:-$(program_saying "$wanted" /usr/bin/rustc rustc)} ||
		die "The kernel in $kdir was built with '$wanted', which is not on this machine." "$(get_rustc "$wanted")" \
			"If it has another name here, give that with RUSTC=. Or rebuild the kernel with yours."
	need_program RUSTC "$RUSTC" "The kernel in $kdir was built with '$wanted'." "$(get_rustc "$wanted")"
	if [ "$("$RUSTC" --version)" != "$wanted" ]; then
		die "$RUSTC is not the compiler that built the kernel in $kdir." \
			"kernel: $wanted" "here:   $("$RUSTC" --version)" \
			"Name the right one with RUSTC=, or rebuild the kernel with this one."
	fi

	wanted=$(config_of "$kdir" CONFIG_BINDGEN_VERSION_TEXT)
	mapfile -t bindgens < <(cached_bindgens)
	BINDGEN=${BINDGEN:-$(program_saying "$wanted" "${bindgens[@]}" /usr/bin/bindgen bindgen)} ||
		die "The kernel in $kdir was built with '$wanted', which is not on this machine." \
			"Install it (cargo install bindgen-cli --version ${wanted##* }), or name it with BINDGEN=."
	need_program BINDGEN "$BINDGEN" "The kernel in $kdir was built with '$wanted'." \
		"This installs it: cargo install bindgen-cli --version ${wanted##* } --locked"

	wanted=$(config_of "$kdir" CONFIG_CC_VERSION_TEXT)
	if [ -z "$(config_of "$kdir" CONFIG_CC_IS_CLANG)" ]; then
		[ -n "${LLVM:-}" ] || command -v "${wanted%% *}" >/dev/null ||
			die "The kernel in $kdir was built with '$wanted', and ${wanted%% *} is not on this machine." \
				"On Debian: apt-get install $(cut -d ' ' -f 1 <<<"${wanted##*-linux-gnu-}")"
	elif [ -z "${LLVM:-}" ]; then
		LLVM=$(llvm_saying "$wanted") ||
			die "The kernel in $kdir was built with '$wanted', which is not on this machine." \
				"Install that version of clang and lld, or name its suffix with LLVM= (for example LLVM=-19)."
	fi
	[ -z "${LLVM:-}" ] || need_llvm "$LLVM"
	[ -z "${LLVM:-}" ] || TOOLS+=("LLVM=$LLVM")

	local beside
	beside=$(dirname "$RUSTC")
	TOOLS+=("RUSTC=$RUSTC" "HOSTRUSTC=$RUSTC" "RUSTFMT=$beside/rustfmt" "RUSTDOC=$beside/rustdoc"
		"CLIPPY_DRIVER=$beside/clippy-driver" "BINDGEN=$BINDGEN" "${ARCH_TOOLS[@]}")
	use_libclang_of "${LLVM:-}"
}

# Lets bindgen parse headers with the library of the compiler in use, where Debian puts it; several
# versions may be installed: use_libclang_of <LLVM=>.
use_libclang_of() {
	local folder=/usr/lib/llvm$1/lib
	[ ! -d "$folder" ] || export LIBCLANG_PATH="${LIBCLANG_PATH:-$folder}"
}

# The value for LLVM= under which clang says the wanted version.
llvm_saying() {
	local clang name
	for clang in clang-19 clang-20 clang-21 clang-22 clang-18 clang; do
		if program_saying "$1" "$clang" >/dev/null; then
			name=${clang#clang}
			printf '%s\n' "${name:-1}"
			return
		fi
	done
	return 1
}

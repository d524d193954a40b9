# The atomic accesses of `src` that are not relaxed, for scripts/orderings.sh.
#
#   perl orderings.pl list SRC     a line for each weaker form of each access: place,
#                                  ordering, weaker form, number
#   perl orderings.pl patch SRC    lets each be weakened at run time: see `HOOK`
#
# A place is file and function, and a number where a function has several, in the
# order of the text. A call of one of `sync`'s fences counts as an access of the caller
# with the ordering "fence". Unit tests are left out.
use strict;
use warnings;

my ($mode, $src) = @ARGV;
my $ORDERING = qr/\b(?:Stat)?Ordering::(Acquire|Release|AcqRel|SeqCst)\b/;
my $FENCE = qr{\b(?:sync::)?(?:order_write_before_reads|(?:acquire_)?fence)\(\);};

my $HOOK = <<'RUST';

/// `EPOCHKV_WEAKER=NUMBER:ORDERING` weakens one access; `none` takes a fence out.
fn weakening() -> Option<(u32, Option<Ordering>)> {
    static CHOSEN: std::sync::LazyLock<Option<(u32, Option<Ordering>)>> =
        std::sync::LazyLock::new(|| {
            let text = std::env::var("EPOCHKV_WEAKER").ok().filter(|text| !text.is_empty())?;
            let (number, ordering) = text.split_once(':').expect("NUMBER:ORDERING");
            let ordering = match ordering {
                "Relaxed" => Some(Ordering::Relaxed),
                "Acquire" => Some(Ordering::Acquire),
                "Release" => Some(Ordering::Release),
                "AcqRel" => Some(Ordering::AcqRel),
                "none" => None,
                other => panic!("no ordering: {other}"),
            };
            Some((number.parse().expect("a number"), ordering))
        });
    *CHOSEN
}

pub(crate) fn weaker(number: u32, ordering: Ordering) -> Ordering {
    match weakening() {
        Some((chosen, Some(weaker))) if chosen == number => weaker,
        _ => ordering,
    }
}

pub(crate) fn keeps(number: u32) -> bool {
    !matches!(weakening(), Some((chosen, None)) if chosen == number)
}
RUST

# Every step down that the language has for the access.
my %WEAKER = (
    Acquire => ['Relaxed'],
    Release => ['Relaxed'],
    AcqRel => ['Acquire', 'Release'],
    fence => ['none'],
);
my %WEAKER_SEQCST =
    (load => ['Acquire', 'Relaxed'], store => ['Release', 'Relaxed'], rmw => ['AcqRel', 'Acquire', 'Release']);

my $number = 0;
my @files = sort split /\n/, `find '$src' -name '*.rs' ! -name tests.rs`;
for my $path (@files) {
    (my $file = $path) =~ s{^\Q$src\E/}{};
    open my $in, '<', $path or die "$path: $!";
    my @lines = <$in>;
    close $in;
    my ($type, $function, $tests, $seen) = ('', '', 0, 0);
    my @found;
    for my $line (@lines) {
        $tests = 1 if $line =~ /^mod tests \{/;
        next if $tests;
        (my $code = $line) =~ s{//.*}{}s;
        if ($code =~ /^(?:unsafe )?impl\b(.*)/) {
            ($type = $1) =~ s/\{.*//s;
            1 while $type =~ s/<[^<>]*>//g;
            $type =~ s/.*\bfor\b//;
            $type =~ s/\bwhere\b.*//s;
            $type =~ s/\s+//g;
            $type .= '::';
        }
        $type = '' if $code =~ /^\}/;
        $function = $1 if $code =~ /\bfn (\w+)/;
        # The fences are listed where they are called.
        next if $file eq 'sync.rs';
        my $text = $code =~ s/$ORDERING/ /gr;
        die "$file: not written as `Ordering::X`: $line" if $text =~ /\b(Acquire|Release|AcqRel|SeqCst)\b/;
        my $patched = sub {
            my ($match, $ordering) = @_;
            $ordering = 'fence' if $match =~ /\(\);$/;
            if (!defined $ordering) {
                # The begin of an exchange, or a relaxed ordering.
                $seen = $match =~ /Relaxed/ ? $seen + 1 : 0;
                return $match;
            }
            $seen++;
            # An exchange's second ordering is that of a load, when it fails.
            my $kind = $seen > 1 ? 'load' : $code =~ /\.(load|store)\(/ ? $1 : 'rmw';
            my $weaker = $ordering eq 'SeqCst' ? $WEAKER_SEQCST{$kind} : $WEAKER{$ordering};
            push @found, [++$number, "$type$function", $ordering, $weaker];
            return $ordering eq 'fence'
                ? "if crate::sync::keeps($number) { $match }"
                : "crate::sync::weaker($number, $match)";
        };
        $seen = 0 if $code =~ /\.(load|store|swap|fetch_\w+)\(/;
        $code =~ s/($FENCE|$ORDERING|\bcompare_exchange|\bfetch_update|Ordering::Relaxed)/
            $patched->($1, $2)/gex;
        # In the text of models and of other builds alike.
        $line = $code if $code =~ /crate::sync::(weaker|keeps)/;
    }
    if ($mode eq 'list') {
        my %count;
        $count{$_->[1]}++ for grep { $_->[2] ne 'fence' } @found;
        my %index;
        for (@found) {
            my ($number, $place, $ordering, $weaker) = @$_;
            $place .= ' ' . ++$index{$place} if $ordering ne 'fence' && $count{$place} > 1;
            print "$file $place\t$ordering\t$_\t$number\n" for @$weaker;
        }
    } else {
        push @lines, $HOOK if $file eq 'sync.rs';
        open my $out, '>', $path or die "$path: $!";
        print $out @lines;
        close $out;
    }
}

//! Against the syntax page of RE2 (<https://github.com/google/re2/wiki/Syntax>) and the parser's documented limits.

use regex::Regex;

use super::{Re2Problem, translate};

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(&translate(pattern).expect(pattern)).expect(pattern).is_match(text)
}

#[test]
fn the_whole_value_must_match() {
    assert!(matches("a|ab", "ab"));
    assert!(!matches("a", "ab"));
    assert!(!matches("a|b", "ab"));
    assert!(!matches("a", "a\n"));
}

#[test]
fn perl_classes_are_ascii() {
    for (pattern, yes, no) in [
        (r"\d", "7", "٧"),
        (r"\w", "_", "é"),
        (r"\s", "\t", "\u{a0}"),
        (r"\D", "٧", "7"),
        (r"\W", "é", "e"),
        (r"\S", "\u{b}", " "),
        (r"[\d]", "7", "٧"),
        (r"[^\d]", "٧", "7"),
        (r"[\Da]", "٧", "7"),
        (r"[^\W]", "e", "é"),
    ] {
        assert!(matches(pattern, yes), "{pattern} {yes}");
        assert!(!matches(pattern, no), "{pattern} {no}");
    }
}

#[test]
fn boundaries_are_ascii() {
    assert!(matches(r"ab\b.c", "ab c"));
    assert!(!matches(r"a\bb", "ab"));
    assert!(matches(r"a\Bb", "ab"));
    assert!(matches(r"é\Bé", "éé"));
    // Between a letter that is not ASCII and the end there is no ASCII word boundary.
    assert!(!matches(r"é\b", "é"));
}

#[test]
fn classes_have_no_set_operations() {
    assert!(matches(r"[a&&b]+", "a&b"));
    assert!(matches(r"[ab\--b]+", "ab-0"));
    assert!(matches(r"[a~~b]+", "a~b"));
    assert!(matches(r"[[a]]", "[]"));
    assert!(matches(r"[]a]+", "]a"));
    assert!(matches(r"[^]a]", "b"));
    assert!(matches(r"[a-]+", "a-"));
    assert!(matches(r"[-a]+", "a-"));
    assert!(matches(r"[+--]+", "+,-"));
    assert!(matches(r"[[:alpha:][:digit:]]+", "a1"));
    assert!(matches(r"[[:^alpha:]]", "1"));
    assert!(matches(r"[:alpha:]+", ":hpa"));
}

#[test]
fn escapes_stand_for_characters() {
    assert!(matches(r"\x41\x{1F600}\101\012\0", "A\u{1F600}A\n\0"));
    assert!(matches(r"\Qa.b\E+", "a.bb"));
    assert!(matches(r"\Q[x", "[x"));
    assert!(matches(r"\a\f\t\n\r\v", "\u{7}\u{c}\t\n\r\u{b}"));
    assert!(matches(r"\<\>\-\_\/\@\!", "<>-_/@!"));
    assert!(matches(r"a{,2}", "a{,2}"));
    assert!(matches(r"a{01}", "a{01}"));
    assert!(matches(r"a{x}]}", "a{x}]}"));
    assert!(matches("#x y", "#x y"));
}

#[test]
fn flags_scope_as_in_re2() {
    assert!(matches("(?i)abc", "ABC"));
    assert!(matches("a(?i:b)c", "aBc"));
    assert!(!matches("a(?i:b)c", "aBC"));
    assert!(matches("(?is-m)a.b", "A\nB"));
    assert!(!matches("a.b", "a\nb"));
    assert!(matches("(?m)a$\n^b", "a\nb"));
    assert!(!matches("a$\nb", "a\nb"));
    assert!(matches("(?U)a+", "aaa"));
    assert!(matches("(?i-i)a", "a") && !matches("(?i-i)a", "A"));
    assert!(matches("(?P<x>a)(?<y>b)", "ab"));
}

#[test]
fn unicode_classes_are_categories_and_scripts() {
    assert!(matches(r"\pL\p{Lu}\p{Greek}\PL\P{Greek}\p{^Greek}", "aAα1aa"));
    assert!(matches(r"[\p{Greek}\pN]+", "α1"));
    assert!(translate(r"\p{greek}").is_err());
    assert!(translate(r"\p{Alphabetic}").is_err());
    assert!(translate(r"\pX").is_err());
}

#[test]
fn what_re2_refuses_is_refused() {
    for pattern in [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?>a)",
        "(?#c)",
        "(?x)a",
        "(?u)a",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "(?P<n>a)(?P<n>b)",
        "(?P<>a)",
        "(?<a-b>c)",
        "(",
        ")",
        "a)",
        "(a",
        "[",
        "[a",
        "[z-a]",
        "[a--b]",
        "[[:foo:]]",
        r"[a-\d]",
        r"[\b]",
        "*",
        "+a",
        "a|*",
        "(?i)*",
        "a**",
        "a+*",
        "a*??",
        "a{2}{3}",
        "a{1001}",
        "a{2,1}",
        "a{1,1001}",
        "(a{100}){11}",
        r"\",
        r"\y",
        r"\8",
        r"\xZZ",
        r"\x{110000}",
        r"\x",
        r"\Z",
        r"\G",
        r"\K",
        r"\h",
        r"\R",
        r"\C",
        "(?-)",
        "(?i--s)",
        "(?",
        "(?P",
        "(?P<",
        r"\p",
        r"\p{",
        r"\x{",
    ] {
        assert!(translate(pattern).is_err(), "{pattern} is not RE2");
    }
}

#[test]
fn an_error_says_what_and_where() {
    let error = translate("ab(?=c)").expect_err("look-around");
    assert_eq!((error.at, &error.problem), (3, &Re2Problem::LookAround));
    assert!(translate(&"(".repeat(10_000)).is_err());
    assert!(translate(&format!("{}a{}", "(".repeat(100), ")".repeat(100))).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_what_is_accepted_compiles(pattern in r"[ab()\[\]{}*+?|\\^$.,:&~\-<>PQEdwpx=!isU01é]{0,16}") {
        if let Ok(translated) = translate(&pattern) {
            proptest::prop_assert!(Regex::new(&translated).is_ok(), "{} became {}", pattern, translated);
        }
    }

    #[test]
    fn a_quoted_text_matches_itself_only(text in r"[^\\]{0,8}", other in ".{0,8}") {
        let regex = Regex::new(&translate(&format!(r"\Q{text}\E")).unwrap()).unwrap();
        proptest::prop_assert!(regex.is_match(&text));
        proptest::prop_assert_eq!(regex.is_match(&other), text == other);
    }
}

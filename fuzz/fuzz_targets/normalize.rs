//! A path and a host have one spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nantian_proxy::http::normalize::{self, Ambiguous, PathOptions};

fuzz_target!(|input: (u8, &str)| {
    let (choices, text) = input;
    let choose = |bit: u8| if choices & bit == 0 { Ambiguous::Refuse } else { Ambiguous::Keep };
    let mut options = PathOptions::default();
    options.merge_slashes = choices & 1 == 0;
    options.encoded_slash = choose(2);
    options.backslash = choose(4);
    options.encoded_nul = choose(8);
    let given = format!("/{text}");
    if let Ok(path) = normalize::path(&given, options) {
        assert!(path.starts_with('/'), "{path:?}");
        let again = normalize::path(&path, options);
        assert_eq!(again.as_deref(), Ok(path.as_ref()), "{given:?} normalises to {path:?}, and that to something else");
        assert!(path.split('/').all(|segment| segment != "." && segment != ".."), "{path:?} has dot segments");
        if options.merge_slashes {
            assert!(!path.contains("//"), "{path:?} has empty segments");
        }
        if options.encoded_slash == Ambiguous::Refuse {
            assert!(!path.contains("%2F"), "{path:?}");
        }
    }
    if let Ok(host) = normalize::host(text) {
        let name = host.normal_name();
        let again = normalize::host(&name).expect("a normal name is a name");
        assert_eq!(again.normal_name(), name);
        assert_eq!(again.port, None);
        assert!(!name.contains(['/', '@', '?', '#', ' ', '%']), "{name:?}");
    }
});

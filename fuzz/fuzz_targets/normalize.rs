//! A path and a host have one spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nantian_proxy::http::normalize::{self, Ambiguous, EncodedSlash, PathOptions};

fuzz_target!(|input: (u8, &str)| {
    let (choices, text) = input;
    let choose = |bit: u8| if choices & bit == 0 { Ambiguous::Refuse } else { Ambiguous::Keep };
    let mut options = PathOptions::default();
    options.merge_slashes = choices & 1 == 0;
    options.encoded_slash = match choices & 6 {
        0 => EncodedSlash::Refuse,
        2 => EncodedSlash::Decode,
        _ => EncodedSlash::Keep,
    };
    options.backslash = choose(8);
    options.encoded_nul = choose(16);
    options.double_encoding = choose(32);
    options.parameters = choose(64);
    options.hidden_dots = choose(128);
    let given = format!("/{text}");
    if let Ok(path) = normalize::path(&given, options) {
        assert!(path.starts_with('/'), "{path:?}");
        let again = normalize::path(&path, options);
        assert_eq!(again.as_deref(), Ok(path.as_ref()), "{given:?} normalises to {path:?}, and that to something else");
        assert!(path.split('/').all(|segment| segment != "." && segment != ".."), "{path:?} has dot segments");
        if options.merge_slashes {
            assert!(!path.contains("//"), "{path:?} has empty segments");
        }
        if options.encoded_slash != EncodedSlash::Keep {
            assert!(!path.contains("%2F"), "{path:?}");
        }
        if options.parameters == Ambiguous::Refuse {
            assert!(!path.contains(';'), "{path:?}");
        }
        if options.hidden_dots == Ambiguous::Refuse {
            // What a reader makes of it that decodes once more, and takes all for a separator that anyone does.
            let decoded = path.replace("%2F", "/").replace("%5C", "/").replace('\\', "/");
            let cut = |segment: &str| segment.split(';').next() == Some("..");
            assert!(!decoded.split('/').any(|segment| segment == ".." || cut(segment)), "{path:?} hides dots");
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

//! AES-GCM of TLS 1.3 for processors that do two blocks at once, and not four.
//!
//! AWS-LC has code for one block in a register of 128 bits (AES-NI) and for four in one of 512 (AVX-512). Processors between them,
//! with VAES and VPCLMULQDQ for 256 bits, get the former: AMD's Zen 3, Intel's for desktops, and virtual machines whose host
//! hides AVX-512. `ring` has code for two blocks, which takes half the time there. All else of a suite stays AWS-LC's.

use std::sync::LazyLock;

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use rustls::crypto::aws_lc_rs::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundOpaqueMessage,
    OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls13_aad,
};
use rustls::{
    CipherSuite, CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
    SupportedCipherSuite, Tls13CipherSuite,
};

static AES_128: LazyLock<Option<Tls13CipherSuite>> =
    LazyLock::new(|| with_cipher(TLS13_AES_128_GCM_SHA256, &AesGcm::Short));
static AES_256: LazyLock<Option<Tls13CipherSuite>> =
    LazyLock::new(|| with_cipher(TLS13_AES_256_GCM_SHA384, &AesGcm::Long));

/// `suite` as it is fastest on this processor.
pub(super) fn fastest(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    if does_two_blocks_at_once() { of_two_blocks(suite.suite()).unwrap_or(suite) } else { suite }
}

fn does_two_blocks_at_once() -> bool {
    let two =
        is_x86_feature_detected!("vaes") && is_x86_feature_detected!("vpclmulqdq") && is_x86_feature_detected!("avx2");
    // What AWS-LC asks for.
    let four = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    two && !four
}

fn of_two_blocks(suite: CipherSuite) -> Option<SupportedCipherSuite> {
    let made = match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => &AES_128,
        CipherSuite::TLS13_AES_256_GCM_SHA384 => &AES_256,
        _ => return None,
    };
    made.as_ref().map(SupportedCipherSuite::Tls13)
}

/// `suite` with another implementation of its cipher.
fn with_cipher(suite: SupportedCipherSuite, cipher: &'static dyn Tls13AeadAlgorithm) -> Option<Tls13CipherSuite> {
    let suite = suite.tls13()?;
    let CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit } = suite.common;
    Some(Tls13CipherSuite {
        common: CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: cipher,
        quic: None,
    })
}

/// By its keys: of 128 or of 256 bits.
#[derive(Clone, Copy)]
enum AesGcm {
    Short,
    Long,
}

impl AesGcm {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Short => &AES_128_GCM,
            Self::Long => &AES_256_GCM,
        }
    }

    fn keyed(self, key: &AeadKey, iv: Iv) -> Box<Keyed> {
        let algorithm = self.algorithm();
        // rustls makes keys as long as it was told that they are; one that is not encrypts nothing.
        let key = UnboundKey::new(algorithm, key.as_ref()).ok().map(LessSafeKey::new);
        Box::new(Keyed { key, iv, tag: algorithm.tag_len() })
    }
}

impl Tls13AeadAlgorithm for AesGcm {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.keyed(&key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.keyed(&key, iv)
    }

    fn key_len(&self) -> usize {
        self.algorithm().key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(match self {
            Self::Short => ConnectionTrafficSecrets::Aes128Gcm { key, iv },
            Self::Long => ConnectionTrafficSecrets::Aes256Gcm { key, iv },
        })
    }
}

/// One direction of a connection.
struct Keyed {
    key: Option<LessSafeKey>,
    iv: Iv,
    /// Bytes of a tag.
    tag: usize,
}

impl Keyed {
    /// That of a record (RFC 8446 section 5.3). rustls counts `record`, and ends a connection before it would begin again.
    fn nonce(&self, record: u64) -> Nonce {
        Nonce::assume_unique_for_key(rustls::crypto::cipher::Nonce::new(&self.iv, record).0)
    }
}

impl MessageEncrypter for Keyed {
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, record: u64) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let key = self.key.as_ref().ok_or(Error::EncryptError)?;
        let about = Aad::from(make_tls13_aad(length));
        let tag = key
            .seal_in_place_separate_tag(self.nonce(record), about, payload.as_mut())
            .map_err(|_unspecified| Error::EncryptError)?;
        payload.extend_from_slice(tag.as_ref());
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, payload: usize) -> usize {
        // One byte says what it is.
        payload + 1 + self.tag
    }
}

impl MessageDecrypter for Keyed {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        record: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let key = self.key.as_ref().ok_or(Error::DecryptError)?;
        let about = Aad::from(make_tls13_aad(message.payload.len()));
        let length = key
            .open_in_place(self.nonce(record), about, &mut message.payload)
            .map_err(|_unspecified| Error::DecryptError)?
            .len();
        message.payload.truncate(length);
        message.into_tls13_unpadded_message()
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::cipher::OutboundChunks;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const IV: [u8; 12] = [9; 12];

    /// The ciphers of AWS-LC, and ours.
    fn both(suite: SupportedCipherSuite) -> [&'static dyn Tls13AeadAlgorithm; 2] {
        let ours = of_two_blocks(suite.suite()).expect("a suite of ours");
        [suite, ours].map(|suite| suite.tls13().expect("a suite of TLS 1.3").aead_alg)
    }

    fn encrypted(cipher: &dyn Tls13AeadAlgorithm, text: &[u8], record: u64) -> Vec<u8> {
        let payload = OutboundChunks::Single(text);
        let message = OutboundPlainMessage { typ: ContentType::Handshake, version: ProtocolVersion::TLSv1_3, payload };
        let mut encrypter = cipher.encrypter(KEY.into(), IV.into());
        let expected = encrypter.encrypted_payload_len(text.len());
        let sealed = encrypter.encrypt(message, record).expect("a record").encode();
        assert_eq!(sealed.len(), 5 + expected);
        sealed
    }

    fn decrypted(cipher: &dyn Tls13AeadAlgorithm, record: &mut [u8], number: u64) -> Result<Vec<u8>, Error> {
        let version = ProtocolVersion::TLSv1_2;
        let message = InboundOpaqueMessage::new(ContentType::ApplicationData, version, record);
        let plain = cipher.decrypter(KEY.into(), IV.into()).decrypt(message, number)?;
        assert_eq!(plain.typ, ContentType::Handshake);
        Ok(plain.payload.to_vec())
    }

    /// One that is not broken, and whose key has 32 bytes, as the tests can make them.
    #[test]
    fn what_one_encrypts_the_other_does_bit_by_bit() {
        let [theirs, ours] = both(TLS13_AES_256_GCM_SHA384);
        for length in [0, 1, 15, 16, 17, 255, 256, 257, 1_200, 8_128, 16_384] {
            let text: Vec<u8> = (0_u8..=255).cycle().take(length).collect();
            for number in [0, 1, u64::from(u32::MAX) + 5] {
                let record = encrypted(ours, &text, number);
                assert_eq!(record, encrypted(theirs, &text, number), "{length}");
                for cipher in [ours, theirs] {
                    let mut payload = record[5..].to_vec();
                    assert_eq!(decrypted(cipher, &mut payload, number).expect("the text"), text);
                }
            }
        }
    }

    #[test]
    fn what_was_changed_or_is_another_record_is_not_decrypted() {
        let [_, ours] = both(TLS13_AES_256_GCM_SHA384);
        let record = encrypted(ours, b"some text", 3);
        let payload = &record[5..];
        for at in 0..payload.len() {
            let mut changed = payload.to_vec();
            changed[at] ^= 1;
            assert_eq!(decrypted(ours, &mut changed, 3), Err(Error::DecryptError), "{at}");
        }
        assert_eq!(decrypted(ours, &mut payload.to_vec(), 4), Err(Error::DecryptError));
        for length in 0..payload.len() {
            assert_eq!(decrypted(ours, &mut payload[..length].to_vec(), 3), Err(Error::DecryptError), "{length}");
        }
    }

    #[test]
    fn a_key_of_another_length_encrypts_and_decrypts_nothing() {
        let [_, ours] = both(TLS13_AES_128_GCM_SHA256);
        let payload = OutboundChunks::Single(b"text");
        let message = OutboundPlainMessage { typ: ContentType::Handshake, version: ProtocolVersion::TLSv1_3, payload };
        let encrypted = ours.encrypter(KEY.into(), IV.into()).encrypt(message, 0);
        assert_eq!(encrypted.err(), Some(Error::EncryptError));
        assert_eq!(decrypted(ours, &mut [0; 40], 0), Err(Error::DecryptError));
    }

    #[test]
    fn secrets_are_told_by_the_length_of_their_keys() {
        for (suite, expected, length) in [(TLS13_AES_128_GCM_SHA256, "128", 16), (TLS13_AES_256_GCM_SHA384, "256", 32)]
        {
            for cipher in both(suite) {
                let secrets = cipher.extract_keys(KEY.into(), IV.into()).expect("secrets");
                let found = match secrets {
                    ConnectionTrafficSecrets::Aes128Gcm { .. } => "128",
                    ConnectionTrafficSecrets::Aes256Gcm { .. } => "256",
                    _ => "another",
                };
                assert_eq!((found, cipher.key_len()), (expected, length));
            }
        }
    }
}

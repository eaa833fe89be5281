//! Words by which somebody says: leave me alone.
//!
//! The English ones are those that carriers and the FCC name (47 CFR 64.1200(a)(10)); beside them what people write in other languages. Somebody
//! who is taken at a word too many gets no message; the other mistake is worse.

use unicode_normalization::UnicodeNormalization;

/// An answer whose first line is nothing else than one of these is a stop.
const WHOLE: &[&str] = &[
    "stop",
    "stop all",
    "stopall",
    "unsubscribe",
    "unsub",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "remove",
    "remove me",
    // German, Dutch, Scandinavian, Finnish
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen",
    "bitte aufhören",
    "afmelden",
    "uitschrijven",
    "avsluta",
    "sluta",
    "avregistrera",
    "avmeld",
    "afmeld",
    "lopeta",
    // French
    "arrêt",
    "arrêter",
    "désabonner",
    "désabonnement",
    "désinscrire",
    "désinscription",
    // Spanish, Portuguese, Italian, Romanian
    "alto",
    "baja",
    "dar de baja",
    "parar",
    "pare",
    "basta",
    "cancelar",
    "cancelar suscripción",
    "sair",
    "descadastrar",
    "ferma",
    "fermati",
    "annulla",
    "cancella",
    "disiscrivi",
    "dezabonare",
    "oprește",
    // Turkish, Polish, Czech, Hungarian, Croatian, Greek
    "dur",
    "durdur",
    "iptal",
    "rezygnuję",
    "zakończ",
    "wypisz",
    "odhlásit",
    "leiratkozás",
    "leállítás",
    "odjava",
    "prekini",
    "στοπ",
    "διακοπή",
    "διαγραφή",
    // Russian, Ukrainian
    "стоп",
    "отписаться",
    "отписка",
    "отмена",
    "відписатися",
    "скасувати",
    // Hebrew, Arabic, Urdu, Persian
    "הסר",
    "עצור",
    "توقف",
    "أوقف",
    "إيقاف",
    "قف",
    "إلغاء",
    "إلغاء الاشتراك",
    "بند کریں",
    "لغو",
    // Hindi, Bengali, Tamil, Telugu, Thai
    "रोकें",
    "रोको",
    "रुको",
    "बंद करें",
    "बंद करो",
    "बंद",
    "band karo",
    "বন্ধ",
    "বন্ধ করুন",
    "நிறுத்து",
    "ఆపు",
    "หยุด",
    "ยกเลิก",
    // Chinese, Japanese, Korean, Indonesian, Vietnamese
    "停止",
    "退订",
    "退訂",
    "取消",
    "td",
    "配信停止",
    "解除",
    "やめて",
    "ストップ",
    "수신거부",
    "중지",
    "그만",
    "berhenti",
    "dừng",
    "dừng lại",
    "hủy",
];
/// One of these among a few words is enough.
const AMONG_OTHERS: &[&str] = &["stop", "stopp", "stopall", "unsubscribe", "стоп", "停止", "退订"];
/// Whoever says one of these anywhere means it.
const ANYWHERE: &[&str] = &[
    "leave me alone",
    "do not contact",
    "dont contact",
    "do not text",
    "dont text",
    "do not message",
    "dont message",
    "do not call",
    "dont call",
    "stop texting",
    "stop calling",
    "stop sending",
    "stop messaging",
    "stop writing",
    "no more messages",
    "no more calls",
    "no more texts",
    "take me off",
    "opt me out",
    "keine nachrichten",
    "nicht mehr anrufen",
    "no me llame",
    "no llamar",
    "ne me contactez",
    "не звоните",
    "не пишите",
];
/// A few words.
const FEW: usize = 6;

/// Whether somebody who answers so wants no more messages and calls. Only the first line with words counts: what a phone puts below it says nothing.
pub fn is_stop(text: &str) -> bool {
    let Some(first) = text.lines().map(plain).find(|line| !line.is_empty()) else { return false };
    let words: Vec<&str> = first.split(' ').collect();
    // S T O P
    let spelled = words.iter().all(|word| word.chars().count() == 1).then(|| words.concat());
    let whole = spelled.as_deref().unwrap_or(&first);
    WHOLE.iter().any(|stop| plain(stop) == whole)
        || (words.len() <= FEW && words.iter().any(|word| AMONG_OTHERS.contains(word)))
        || ANYWHERE.iter().any(|phrase| format!(" {first} ").contains(&format!(" {phrase} ")))
}

/// Lower case, without accents, marks and pictures, words apart by one blank. Letters of other widths are the same letters.
fn plain(line: &str) -> String {
    let apart = |c: char| if c.is_alphanumeric() || is_part_of_a_letter(c) { c } else { ' ' };
    let small = line
        .nfkd()
        .filter(|c| !is_accent(*c) && *c != '\'' && *c != '’' && !is_invisible(*c))
        .flat_map(char::to_lowercase);
    // A small letter can come with an accent of its own: İ.
    let plain: String = small.filter(|c| !is_accent(*c)).map(apart).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The accents of Latin, Greek and Cyrillic letters, and the points of Hebrew and Arabic ones.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}')
}

/// The signs of vowels in the letters of India and Thailand, which are no letters by themselves.
fn is_part_of_a_letter(c: char) -> bool {
    matches!(c, '\u{900}'..='\u{dff}' | '\u{e00}'..='\u{e7f}' | '\u{3099}' | '\u{309a}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_understood_however_it_is_written() {
        for text in [
            "STOP",
            "stop",
            " Stop. ",
            "Stop!!",
            "STOPALL",
            "please stop",
            "Stop calling me",
            "Unsubscribe",
            "opt-out",
            "OPT OUT",
            "Arrêt",
            "arret",
            "¡Alto!",
            "Стоп",
            "रोकें",
            "बंद करें",
            "停止。",
            "توقف",
            "don't stop",
            "Stopp",
            "ABMELDEN",
            "STOP🛑",
            "STOP‼️",
            "Stop❗",
            "STOP\u{200b}",
            "ＳＴＯＰ",
            "S T O P",
            "stop\nSent from my iPhone",
            "\n\nSTOP\n-- \nAsha",
            "Please stop texting me now",
            "Please stop calling me now",
            "Stop sending me these messages",
            "Leave me alone",
            "Do not contact me",
            "Don't text me again",
            "no more messages",
            "remove",
            "unsub",
            "İPTAL",
            "HỦY",
            "Hủy",
            "huỷ",
            "odhlasit",
            "הסר",
            "ΣΤΟΠ",
            "หยุด",
            "ยกเลิก",
            "désinscrire",
            "dar de baja",
            "Cancelar suscripción",
            "Bitte aufhören",
            "Keine Nachrichten mehr!",
            "annulla",
            "SLUTA",
            "скасувати",
            "Не звоните мне",
            "ZAKOŃCZ",
            "أوقف",
            "إيقاف",
            "रुको",
            "বন্ধ করুন",
            "取消",
            "やめて",
            "ストップ",
            "그만",
            "dừng lại",
            "Stop writing to me please!!",
        ] {
            assert!(is_stop(text), "{text:?} is {:?}", plain(text));
        }
    }

    #[test]
    fn an_answer_is_not_a_stop() {
        for text in [
            "",
            "Yes",
            "Please call me tomorrow",
            "The bus stop is where we can meet tomorrow at noon",
            "When does it end?",
            "cancel my order please",
            "I won't quit",
            "ok",
            "👍",
            "1",
            "You may remove the old address",
            "I am in a meeting, ring me on Monday",
            "\n",
            "a b c",
        ] {
            assert!(!is_stop(text), "{text:?}");
        }
    }
}

//! How wide a text is, without the font: by the widths of a font that is wider than those it may be drawn in.

/// The widths of the characters from the space to the tilde, in thousandths of the font's size: DejaVu Sans, which is
/// wider than the usual sans-serif fonts.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337, 637, 637, 637,
    637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 531, 1000, 685, 687, 699, 771, 632,
    576, 775, 752, 295, 295, 656, 558, 863, 749, 788, 604, 788, 695, 635, 611, 732, 685, 989, 686,
    611, 686, 391, 337, 391, 838, 500, 500, 613, 635, 550, 635, 616, 353, 635, 634, 278, 278, 580,
    278, 975, 634, 612, 635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838,
];
/// The same in bold.
const BOLD: [u16; 95] = [
    349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 581, 1000, 774, 763, 734, 831, 684,
    684, 821, 837, 373, 373, 775, 638, 996, 837, 851, 733, 851, 771, 721, 683, 813, 774, 1104, 771,
    725, 726, 458, 366, 458, 838, 500, 500, 675, 716, 593, 716, 679, 436, 716, 712, 343, 343, 666,
    343, 1042, 712, 688, 716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838,
];
/// A character of which nothing is known.
const WIDE: u16 = 1000;

/// A font's size, and whether it is bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Font {
    pub(super) size: usize,
    pub(super) is_bold: bool,
}

impl Font {
    /// At most how many pixels wide a text is.
    pub(super) fn width(self, text: &str) -> usize {
        let widths = if self.is_bold { &BOLD } else { &REGULAR };
        let thousandths: usize = text
            .chars()
            .map(|letter| {
                let index = (letter as usize).checked_sub(usize::from(b' '));
                usize::from(
                    index
                        .and_then(|index| widths.get(index))
                        .copied()
                        .unwrap_or(WIDE),
                )
            })
            .sum();
        (thousandths * self.size).div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_letters() {
        let font = |is_bold| Font { size: 10, is_bold };
        assert_eq!(font(false).width(""), 0);
        assert_eq!(font(false).width("iii"), 9);
        assert!(font(false).width("WWW") > 3 * font(false).width("i"));
        assert!(font(true).width("asleep") > font(false).width("asleep"));
        assert_eq!(font(false).width("→"), 10);
    }
}

//! The spread of measurements.

/// The median of some figures, and the quartiles around it.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// A quarter of the figures is below this.
    pub lower: f64,
    /// Half of the figures is below this.
    pub median: f64,
    /// A quarter of the figures is above this.
    pub upper: f64,
}

impl Spread {
    /// The spread of these figures, in any order.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[must_use]
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (figures.len() - 1) as f64;
            let (below, above) = (
                figures[place.floor() as usize],
                figures[place.ceil() as usize],
            );
            below + (above - below) * place.fract()
        };
        Spread {
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    fn of(figures: &[f64]) -> [f64; 3] {
        let Spread {
            lower,
            median,
            upper,
        } = Spread::of(figures.iter().copied());
        [lower, median, upper]
    }

    #[test]
    fn the_order_of_the_figures_does_not_matter() {
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn between_two_figures_it_is_their_mean() {
        assert_eq!(of(&[1.0, 3.0]), [1.5, 2.0, 2.5]);
    }

    #[test]
    fn one_figure_has_no_spread() {
        assert_eq!(of(&[7.0]), [7.0; 3]);
    }

    #[test]
    fn one_wild_figure_does_not_move_the_median() {
        assert_eq!(of(&[1.0, 1.0, 1.0, 1.0, 1000.0]), [1.0; 3]);
    }
}

//! Which module needs which.

/// Modules by number, each with the numbers of those that it needs directly.
#[derive(Debug)]
pub(crate) struct Graph {
    needs: Vec<Vec<usize>>,
    /// The place of each module in an order in which it comes before all that it needs.
    ranks: Vec<usize>,
}

impl Graph {
    /// Takes the direct needs; each number is below the number of modules, and no module names one twice or itself.
    pub(crate) fn new(needs: Vec<Vec<usize>>) -> Self {
        let ranks = ranks(&needs);
        Self { needs, ranks }
    }

    fn needs_of(&self, module: usize) -> &[usize] {
        self.needs.get(module).map_or(&[], Vec::as_slice)
    }

    /// Returns the wanted modules and all that they need, each after all that it needs. Modules that need each other,
    /// which no kernel has, do not lead in a circle.
    pub(crate) fn load_order(&self, wanted: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let (mut order, mut seen) = (Vec::new(), Seen::new(self.needs.len()));
        for module in wanted {
            let mut path = Vec::new();
            if seen.is_new(module) {
                path.push((module, self.needs_of(module).iter()));
            }
            while let Some((module, rest)) = path.last_mut() {
                match rest.next() {
                    Some(&needed) if seen.is_new(needed) => path.push((needed, self.needs_of(needed).iter())),
                    Some(_) => {}
                    None => {
                        order.push(*module);
                        path.pop();
                    }
                }
            }
        }
        order
    }

    /// Returns all that each module needs, in the order of `modules.dep`: the last one is to be loaded first.
    pub(crate) fn all_needs(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let mut seen = Seen::new(self.needs.len());
        (0..self.needs.len()).map(move |module| {
            seen.forget();
            seen.is_new(module);
            let (mut found, mut open) = (Vec::new(), vec![module]);
            while let Some(module) = open.pop() {
                let new: Vec<usize> = self.needs_of(module).iter().copied().filter(|need| seen.is_new(*need)).collect();
                open.extend(&new);
                found.extend(new);
            }
            found.sort_by_key(|module| (self.ranks.get(*module), *module));
            found
        })
    }
}

/// Sorts as `depmod` does: always takes the latest of the modules that all users have been taken of. Modules in a circle
/// have the highest rank.
fn ranks(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut users = vec![0_usize; needs.len()];
    for needed in needs.iter().flatten() {
        users.get_mut(*needed).map(|count| *count += 1).unwrap_or_default();
    }
    let mut ranks = vec![usize::MAX; needs.len()];
    let mut ready: Vec<usize> =
        users.iter().enumerate().filter(|(_, count)| **count == 0).map(|(module, _)| module).collect();
    let mut next = 0..;
    while let Some(module) = ready.pop() {
        if let (Some(place), Some(rank)) = (ranks.get_mut(module), next.next()) {
            *place = rank;
        }
        for needed in needs.get(module).into_iter().flatten() {
            if let Some(count) = users.get_mut(*needed) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*needed);
                }
            }
        }
    }
    ranks
}

/// The modules that a walk has met. Forgetting them costs nothing, so that one set serves a walk from every module.
struct Seen {
    walk: usize,
    walks: Vec<usize>,
}

impl Seen {
    fn new(modules: usize) -> Self {
        Self { walk: 1, walks: vec![0; modules] }
    }

    fn forget(&mut self) {
        self.walk += 1;
    }

    /// Notes a module, and returns whether it was not met before.
    fn is_new(&mut self, module: usize) -> bool {
        self.walks.get_mut(module).is_some_and(|walk| std::mem::replace(walk, self.walk) != self.walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_is_loaded_before_it() {
        // 0 needs 1 and 2; 1 needs 3; 2 needs 1.
        let graph = Graph::new(vec![vec![1, 2], vec![3], vec![1], vec![], vec![3]]);
        assert_eq!(graph.load_order([0]), [3, 1, 2, 0]);
        assert_eq!(graph.load_order([3, 4, 0]), [3, 4, 1, 2, 0]);
        let all: Vec<_> = graph.all_needs().collect();
        assert_eq!(all, [vec![2, 1, 3], vec![3], vec![1, 3], vec![], vec![3]]);
    }

    #[test]
    fn of_modules_without_order_the_latest_comes_first() {
        let graph = Graph::new(vec![vec![2, 3], vec![], vec![], vec![]]);
        assert_eq!(graph.all_needs().next().unwrap(), [3, 2]);
        let graph = Graph::new(vec![vec![2, 3], vec![2], vec![], vec![]]);
        assert_eq!(graph.all_needs().next().unwrap(), [3, 2], "1 is taken first, and 2 still has a user");
    }

    #[test]
    fn a_circle_and_a_long_chain_end() {
        let graph = Graph::new(vec![vec![1], vec![2], vec![0, 3], vec![]]);
        assert_eq!(graph.load_order([0]), [3, 2, 1, 0]);
        assert_eq!(graph.all_needs().next().unwrap(), [1, 2, 3]);
        let last = 50_000;
        let graph =
            Graph::new((0..=last).map(|module| if module < last { vec![module + 1] } else { vec![] }).collect());
        assert_eq!(graph.load_order([0]).first(), Some(&last));
    }
}

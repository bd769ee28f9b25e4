//! Work divided among the threads of a pool.

use crate::partition::even_parts;
use crate::pool::Pool;
use lens_base::Result;
use lens_system::fork::lock;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// `count` items in as many even ranges as the pool has threads; none is empty.
pub fn thread_parts(pool: &Pool, count: usize) -> Vec<Range<usize>> {
    even_parts(count, pool.threads()).collect()
}

/// Splits a slice of rows of equal length at the bounds of `parts`, which are adjacent and begin at 0.
pub fn split_rows<'a, T>(mut rows: &'a mut [T], length: usize, parts: &[Range<usize>]) -> Vec<&'a mut [T]> {
    parts
        .iter()
        .map(|part| {
            let (first, rest) = std::mem::take(&mut rows).split_at_mut(part.len() * length);
            rows = rest;
            first
        })
        .collect()
}

/// Runs `work` once for each job on the pool's threads and returns one of the errors, if any. A panic is resumed here
/// after all jobs have run.
pub fn for_each_job<T: Send>(pool: &Pool, jobs: &mut [T], work: impl Fn(&mut T) -> Result<()> + Sync) -> Result<()> {
    // Each mutex is locked once, by the thread that runs the job.
    let jobs: Vec<Mutex<&mut T>> = jobs.iter_mut().map(Mutex::new).collect();
    let failure = Mutex::new(None);
    pool.run(vec![0..0; jobs.len()], &|_, job| {
        if let Err(error) = work(&mut lock(&jobs[job])) {
            lock(&failure).get_or_insert(error);
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::Error;

    #[test]
    fn rows_are_split_among_threads() {
        let pool = Pool::new(3, 3);
        let mut rows: Vec<usize> = (0..16).collect();
        let parts = split_rows(&mut rows, 2, &thread_parts(&pool, 8));
        assert_eq!(parts, [&[0, 1, 2, 3][..], &[4, 5, 6, 7, 8, 9], &[10, 11, 12, 13, 14, 15]]);
    }

    #[test]
    fn every_job_runs_once_and_errors_are_returned() {
        let pool = Pool::new(2, 2);
        let mut jobs = vec![0; 50];
        for_each_job(&pool, &mut jobs, |job| {
            *job += 1;
            Ok(())
        })
        .unwrap();
        assert!(jobs.iter().all(|count| *count == 1));
        jobs[7] = 5;
        let refused = for_each_job(&pool, &mut jobs, |job| match job {
            5 => Err(Error::internal("the fifth")),
            _ => {
                *job = 2;
                Ok(())
            }
        });
        assert_eq!(refused.unwrap_err().message(), "the fifth");
        assert_eq!(jobs.iter().filter(|count| **count == 2).count(), 49);
    }
}

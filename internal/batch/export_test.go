package batch

// Wait waits for the jobs that the scheduler has started.
func (s *Scheduler) Wait() { s.jobs.Wait() }

// Complete checks and completes the parameters of a job.
var Complete = complete

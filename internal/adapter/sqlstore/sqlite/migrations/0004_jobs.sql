-- +goose Up

-- Batch jobs, in the words of Spring Batch. An instance is a job with parameters. Its
-- executions share a run id as long as each finishes what the one before has left.
CREATE TABLE job_instances (
	id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	job        TEXT NOT NULL CHECK (job <> ''),
	parameters TEXT NOT NULL CHECK (parameters <> ''),
	created_us INTEGER NOT NULL,
	CONSTRAINT job_instances_job_parameters_key UNIQUE (job, parameters)
) STRICT;

CREATE TABLE job_executions (
	id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	instance_id  TEXT NOT NULL CONSTRAINT job_executions_instance_id_fkey REFERENCES job_instances (id) CHECK (length(instance_id) = 36 AND instance_id LIKE '________-____-____-____-____________' AND instance_id NOT GLOB '*[^0-9a-f-]*'),
	job          TEXT NOT NULL CHECK (job <> ''),
	run_id       TEXT NOT NULL CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'),
	run_us       INTEGER NOT NULL, -- when the run began
	status       TEXT NOT NULL CHECK (status IN ('STARTING', 'STARTED', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED')),
	exit_code    TEXT NOT NULL,
	message      TEXT NOT NULL,
	started_by   TEXT NOT NULL,
	holder       TEXT NOT NULL, -- of the lease
	host         TEXT NOT NULL,
	token        INTEGER NOT NULL, -- of the lease
	created_us   INTEGER NOT NULL,
	started_us   INTEGER,
	ended_us     INTEGER,
	heartbeat_us INTEGER NOT NULL,
	stop_us      INTEGER, -- when a stop was requested
	CHECK ((ended_us IS NULL) = (status IN ('STARTING', 'STARTED', 'STOPPING'))),
	CHECK ((ended_us IS NULL) = (exit_code = ''))
) STRICT;
-- At most one execution of a job is active.
CREATE UNIQUE INDEX job_executions_active ON job_executions (job) WHERE ended_us IS NULL;
CREATE INDEX job_executions_job ON job_executions (job, id);
CREATE INDEX job_executions_instance ON job_executions (instance_id, id);
CREATE INDEX job_executions_run ON job_executions (run_id, id);

CREATE TABLE job_steps (
	execution_id TEXT NOT NULL CONSTRAINT job_steps_execution_id_fkey REFERENCES job_executions (id) CHECK (length(execution_id) = 36 AND execution_id LIKE '________-____-____-____-____________' AND execution_id NOT GLOB '*[^0-9a-f-]*'),
	step         TEXT NOT NULL CHECK (step <> ''),
	position     INTEGER NOT NULL CHECK (position >= 0),
	status       TEXT NOT NULL CHECK (status IN ('STARTED', 'STOPPED', 'COMPLETED', 'FAILED')),
	message      TEXT NOT NULL,
	items_read    INTEGER NOT NULL CHECK (items_read >= 0),
	items_written INTEGER NOT NULL CHECK (items_written >= 0),
	items_skipped INTEGER NOT NULL CHECK (items_skipped >= 0),
	started_us   INTEGER NOT NULL,
	ended_us     INTEGER,
	PRIMARY KEY (execution_id, step),
	CHECK ((ended_us IS NULL) = (status = 'STARTED'))
) STRICT;

CREATE TABLE job_partitions (
	run_id       TEXT NOT NULL CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'),
	step         TEXT NOT NULL CHECK (step <> ''),
	name         TEXT NOT NULL,
	position     INTEGER NOT NULL CHECK (position >= 0),
	status       TEXT NOT NULL CHECK (status IN ('STARTING', 'STARTED', 'STOPPED', 'COMPLETED', 'FAILED')),
	progress     TEXT NOT NULL, -- where the last committed chunk ended
	message      TEXT NOT NULL,
	items_read    INTEGER NOT NULL CHECK (items_read >= 0),
	items_written INTEGER NOT NULL CHECK (items_written >= 0),
	items_skipped INTEGER NOT NULL CHECK (items_skipped >= 0),
	execution_id TEXT NOT NULL CONSTRAINT job_partitions_execution_id_fkey REFERENCES job_executions (id) CHECK (length(execution_id) = 36 AND execution_id LIKE '________-____-____-____-____________' AND execution_id NOT GLOB '*[^0-9a-f-]*'), -- that worked on it last
	PRIMARY KEY (run_id, step, name)
) STRICT;
CREATE INDEX job_partitions_execution ON job_partitions (execution_id);

-- The last due time of a schedule that was dealt with. Who locks the row starts the job.
CREATE TABLE job_schedules (
	name         TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
	due_us       INTEGER NOT NULL,
	execution_id TEXT CHECK (length(execution_id) = 36 AND execution_id LIKE '________-____-____-____-____________' AND execution_id NOT GLOB '*[^0-9a-f-]*'),
	attempts     INTEGER NOT NULL CHECK (attempts >= 0)
) STRICT;

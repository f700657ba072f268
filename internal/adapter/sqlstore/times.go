package sqlstore

import "time"

// micros returns a time as it is stored: microseconds since 1970, UTC.
func micros(t time.Time) int64 { return t.UnixMicro() }

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func microsOrNil(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	at := micros(*t)
	return &at
}

func timeOrNil(at *int64) *time.Time {
	if at == nil {
		return nil
	}
	t := timeOf(*at)
	return &t
}

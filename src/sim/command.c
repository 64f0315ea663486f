/* SPDX-License-Identifier: GPL-2.0-only */
/* See command.h. */
#include "sim/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults.h"

/* A word that a shell takes as it is, or one in quotes. */
static void put_word(FILE *out, const char *word)
{
	const char *c = word;

	while (isalnum((unsigned char)*c) || (*c && strchr("_-+=./:,@%", *c)))
		c++;
	if (c != word && !*c) {
		fprintf(out, " %s", word);
		return;
	}
	fputs(" '", out);
	for (c = word; *c; c++) {
		if (*c == '\'')
			fputs("'\\''", out);
		else
			fputc(*c, out);
	}
	fputc('\'', out);
}

static void put_options(FILE *out, const struct run_options *o)
{
	const struct sim_settings *m = &o->machine;
	const char *separator = " --faults ";

	fprintf(out, " --seed %llu --cpus %u --hz %u --kernel %s --seconds %llu",
		(unsigned long long)m->seed, m->topology.nr_cpus, m->hz,
		m->kernel == SIM_KERNEL_6_12 ? "6.12" : "7.3", (unsigned long long)o->seconds);
	if (m->topology.nr_llcs > 1)
		fprintf(out, " --llcs %u", m->topology.nr_llcs);
	if (m->topology.nr_nodes > 1)
		fprintf(out, " --numa %u", m->topology.nr_nodes);
	if (m->topology.smt)
		fputs(" --smt", out);
	if (m->topology.hybrid)
		fputs(" --hybrid", out);
	if (m->interleave)
		fputs(" --interleave", out);
	if (o->slice_ns != 20 * MSEC || o->slice_min_ns != MSEC)
		fprintf(out, " --slice-us %llu --slice-us-min %llu",
			(unsigned long long)(o->slice_ns / USEC),
			(unsigned long long)(o->slice_min_ns / USEC));
	if (o->percpu_local)
		fputs(" --percpu-local", out);
	if (o->numa_local)
		fputs(" --numa-local", out);
	if (o->no_idle_fill)
		fputs(" --no-idle-fill", out);
	for (u32 i = 0; i < FAULTS; i++)
		if (o->faults & 1U << i) {
			fprintf(out, "%s%s", separator, fault_name(i));
			separator = ",";
		}
}

static FILE *begin(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		abort();
	fputs("rustland-sim", out);
	return out;
}

char *command_of_run(const struct run_options *options)
{
	size_t size;
	char *text;
	FILE *out = begin(&text, &size);

	put_options(out, options);
	put_word(out, options->policy_name);
	put_word(out, options->workload->name);
	if (fclose(out))
		abort();
	return text;
}

char *command_of_comparison(const struct compare_options *options)
{
	size_t size;
	char *text;
	FILE *out = begin(&text, &size);

	fputs(" compare", out);
	put_options(out, &options->run);
	fprintf(out, " --seeds %u", options->nr_seeds);
	for (u32 i = 0; i < options->nr_policies; i++)
		put_word(out, options->policy_names[i]);
	put_word(out, options->run.workload->name);
	if (fclose(out))
		abort();
	return text;
}

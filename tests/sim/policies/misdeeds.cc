/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As misdeeds.c, in C++: what the language and its library do behind one's back. MISDEED=WHAT, always in
 * enqueue(). For tests/sim/forbidden; never to be copied.
 */
#include <rustland.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

struct misdoer {
	rl_pool *pool;
	const char *wanted;
	std::vector<int> *numbers;
	std::mutex *mutex;
	int64_t sum;
};

void misdo(misdoer *m)
{
	const std::string_view wanted = m->wanted ? m->wanted : "";

	if (wanted == "new") {
		delete m->numbers;
		m->numbers = new std::vector<int>(3);
	} else if (wanted == "grow") {
		m->numbers->push_back(1);
	} else if (wanted == "chrono") {
		m->sum += std::chrono::steady_clock::now().time_since_epoch().count();
	} else if (wanted == "stream") {
		std::cout << m->sum << std::endl;
	} else if (wanted == "mutex") {
		std::lock_guard<std::mutex> guard(*m->mutex);
		m->sum++;
	} else if (wanted == "random") {
		m->sum += std::random_device()();
	} else if (wanted == "throw") {
		throw std::runtime_error("enqueue");
	}
}

int init(void *state, const rl_policy_config *)
{
	auto *m = static_cast<misdoer *>(state);

	m->wanted = std::getenv("MISDEED");
	m->numbers = new std::vector<int>;
	m->mutex = new std::mutex;
	return rl_pool_new(&m->pool, 8192);
}

void fini(void *state)
{
	auto *m = static_cast<misdoer *>(state);

	delete m->numbers;
	delete m->mutex;
	rl_pool_free(&m->pool);
}

void enqueue(void *state, const rl_task *task)
{
	auto *m = static_cast<misdoer *>(state);
	rl_decision decision = rl_decide_for(task);

	misdo(m);
	decision.deadline = task->enqueued_at_ns;
	rl_pool_push(m->pool, &decision, task->enqueued_at_ns);
}

bool next(void *state, rl_decision *ret)
{
	return rl_pool_pop(static_cast<misdoer *>(state)->pool, ret);
}

rl_policy make()
{
	rl_policy p{};

	p.version = RL_POLICY_VERSION;
	p.sz = sizeof(p);
	p.name = "misdeeds-cc";
	p.summary = "does what a policy must not, in C++";
	p.state_size = sizeof(misdoer);
	p.init = init;
	p.fini = fini;
	p.enqueue = enqueue;
	p.next = next;
	return p;
}

} // namespace

extern "C" {
extern const rl_policy rl_policy;
const struct rl_policy rl_policy = make();
}

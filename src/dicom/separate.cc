// Slices at one position: several echoes, times, phases ... in one series. What differs tells them apart.
#include "dicom/group.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace dicom {

static const char *const MARK_NAMES[MARK_COUNT] = {
    "image type", "component", "echo", "echo time", "diffusion", "temporal position", "phase",
    "acquisition", "trigger time", "contrast agent", "kernel", "tube voltage", "inversion time",
    "flip angle", "correction", "frame reference time", "acquisition time", "instance",
    "dimension index"};
// Which marks may split a series whose positions do not even repeat (two interleaved volumes).
static const Mark STRONG_MARKS[] = {MARK_IMAGE_TYPE, MARK_COMPONENT, MARK_ECHO, MARK_ECHO_TIME,
                                    MARK_DIFFUSION, MARK_TEMPORAL, MARK_ACQUISITION, MARK_CONTRAST,
                                    MARK_KERNEL};

namespace {
using Runs = std::vector<std::pair<size_t, size_t>>; // [from, to) of frames at one position
using Parts = std::map<std::string, std::vector<Frame>>;
} // namespace

// Nearer than this is the same position: scanners repeat positions with rounding, never with a step
// below a hundredth of a millimetre.
static const double SAME_POSITION = 0.01;

static Runs runs_of(const std::vector<Frame> &frames)
{
    Runs runs;
    Vector normal = normal_of(frames[0]);
    for (size_t from = 0; from < frames.size();) {
        size_t to = from + 1;
        while (to < frames.size() && along(normal, frames[to].position) -
                                             along(normal, frames[from].position) < SAME_POSITION)
            to++;
        runs.push_back({from, to});
        from = to;
    }
    return runs;
}

static size_t deepest(const Runs &runs)
{
    size_t most = 0;
    for (const auto &run : runs)
        most = std::max(most, run.second - run.first);
    return most;
}

static size_t shallowest(const Runs &runs)
{
    size_t least = runs[0].second - runs[0].first;
    for (const auto &run : runs)
        least = std::min(least, run.second - run.first);
    return least;
}

static bool differs_within_a_run(const std::vector<Frame> &frames, const Runs &runs, int mark)
{
    for (const auto &run : runs)
        for (size_t f = run.first + 1; f < run.second; f++)
            if (frames[f].marks[(size_t)mark] != frames[run.first].marks[(size_t)mark])
                return true;
    return false;
}

static Parts partition(const std::vector<Frame> &frames, int mark)
{
    Parts parts;
    for (const Frame &frame : frames)
        parts[frame.marks[(size_t)mark]].push_back(frame);
    return parts;
}

// A mark that differs from slice to slice (times, numbers) would cut a volume to pieces: it may take no
// more values than there are slices at the fullest position.
static int mark_that_splits(const std::vector<Frame> &frames, const Runs &runs)
{
    for (int mark = 0; mark < MARK_COUNT; mark++)
        if (differs_within_a_run(frames, runs, mark) &&
            partition(frames, mark).size() <= deepest(runs))
            return mark;
    return -1;
}

static bool overlap(const Parts &parts)
{
    double low = -1e30, high = 1e30;
    for (const auto &part : parts) {
        Vector normal = normal_of(part.second[0]);
        low = std::max(low, along(normal, part.second.front().position));
        high = std::min(high, along(normal, part.second.back().position));
    }
    return low < high;
}

// Two evenly spaced volumes whose slices lie between each other's look like one volume, and an uneven one
// unless they lie just half way. Only the acquisition may differ from slice to slice of one volume: odd and
// even slices are often acquired in passes of their own.
static int mark_that_unweaves(const std::vector<Frame> &frames)
{
    if (frames.size() < 6)
        return -1;
    bool even = evenly_spaced(frames);
    for (Mark mark : STRONG_MARKS) {
        if (even && mark == MARK_ACQUISITION)
            continue;
        Parts parts = partition(frames, mark);
        bool good = parts.size() > 1 && overlap(parts);
        for (const auto &part : parts)
            good = good && part.second.size() >= 3 && evenly_spaced(part.second);
        if (good)
            return mark;
    }
    return -1;
}

static std::string joined(const std::string &before, const std::string &more)
{
    return before.empty() ? more : before + ", " + more;
}

// Nothing says what differs: the first of each position in order of acquisition make the first volume. Where positions have
// been taken unequally often that may mix two times in one volume, which it says.
static void split_by_order(const std::vector<Frame> &frames, const std::vector<Instance> &instances,
                           const std::string &reason, std::vector<Slices> &out)
{
    Runs runs = runs_of(frames);
    size_t count = deepest(runs), base = out.size();
    std::string places = " of " + std::to_string(count) + " at the same positions";
    bool guessed = shallowest(runs) < count;
    if (guessed)
        places += ", some of which have fewer: which slices belong together is a guess";
    for (size_t v = 0; v < count; v++)
        out.push_back({{}, joined(reason, "number " + std::to_string(v + 1) + places), guessed});
    for (const auto &run : runs) {
        std::vector<Frame> here(frames.begin() + (ptrdiff_t)run.first,
                                frames.begin() + (ptrdiff_t)run.second);
        std::stable_sort(here.begin(), here.end(), [&](const Frame &a, const Frame &b) {
            const Instance &x = instances[(size_t)a.instance], &y = instances[(size_t)b.instance];
            return x.number != y.number ? x.number < y.number : a.number < b.number;
        });
        for (size_t v = 0; v < here.size(); v++)
            out[base + v].frames.push_back(here[v]);
    }
}

static bool numeric_before(const std::string &a, const std::string &b)
{
    char *rest_a = nullptr, *rest_b = nullptr;
    double x = strtod(a.c_str(), &rest_a), y = strtod(b.c_str(), &rest_b);
    bool both = rest_a != a.c_str() && rest_b != b.c_str();
    return both && x != y ? x < y : a < b;
}

static void split(std::vector<Frame> frames, const std::vector<Instance> &instances,
                  const std::string &reason, std::vector<Slices> &out)
{
    sort_slices(frames);
    Runs runs = runs_of(frames);
    bool repeats = deepest(runs) > 1;
    int mark = repeats ? mark_that_splits(frames, runs) : mark_that_unweaves(frames);
    if (mark < 0 && repeats) {
        split_by_order(frames, instances, reason, out);
        return;
    }
    if (mark < 0) {
        out.push_back({std::move(frames), reason, false});
        return;
    }
    Parts parts = partition(frames, mark);
    std::vector<std::string> order;
    for (const auto &part : parts)
        order.push_back(part.first);
    std::sort(order.begin(), order.end(), numeric_before);
    for (const std::string &value : order) {
        std::string what = MARK_NAMES[mark] + std::string(value.empty() ? " not given" : " " + value);
        split(std::move(parts[value]), instances, joined(reason, what), out);
    }
}

std::vector<Slices> separate(const std::vector<Frame> &frames, const std::vector<Instance> &instances)
{
    std::vector<Slices> out;
    split(frames, instances, "", out);
    return out;
}

} // namespace dicom

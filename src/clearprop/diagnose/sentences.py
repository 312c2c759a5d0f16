"""What a diagnosis says, in each language: for each finding what is the case, why it matters, and what to do."""

SENTENCES: dict[str, dict[str, tuple[str, str, str]]] = {
    "en": {
        "dead": (
            "layer {layer} ({name}): {count} of {units} units are dead, active on none of {rows} rows",
            "a dead unit passes no gradient back, so it never recovers and the network is smaller than it looks",
            "use leaky_relu or tanh, a lower learning rate, or another init",
        ),
        "saturated": (
            "layer {layer} ({name}): {count} of {units} units are saturated; inputs average {input:.3g}, where the "
            "slope is {slope:.1%} of the steepest",
            "where an activation is flat, almost no gradient passes, and the layers before it do not learn",
            "scale the inputs, draw smaller start weights centred at 0, or normalise before the activation",
        ),
        "vanishing": (
            "the gradient shrinks by a factor of {factor:.3g} from layer {last} back to layer {first}",
            "with one learning rate for all, the first layers hardly move",
            "use tanh or relu with a matching init, normalisation, or fewer layers",
        ),
        "exploding": (
            "the gradient grows by a factor of {factor:.3g} from layer {last} back to layer {first}",
            "a step that suits the last layer throws the first ones far away",
            "draw smaller start weights, normalise, or clip gradients",
        ),
        "frozen": (
            "the biases of layers {layers} are frozen: training never changes them",
            "without moving biases each unit's threshold stays where it was drawn, and learning takes longer",
            'train them: trainable=("weight", "bias")',
        ),
        "unmoved": (
            "{names} are exactly what they were at the start, though other parameters moved",
            "what gets no gradient, or no update, does not learn",
            "look at their gradients with explain, and at what is frozen",
        ),
        "same": (
            "the network gives all {rows} rows the same answer ({answer})",
            "it ignores its inputs",
            "look for saturated or dead layers, scale the inputs, change the learning rate, or train longer",
        ),
        "overlooked": (
            "the network never answers {classes}, the truth of {count} of {rows} rows",
            "where a class is rare, never answering it costs a network little, however much it matters to you",
            "let rare classes count for more: class_weight='balanced' (--class-weight balanced)",
        ),
        "overlooked_still": (
            "the network never answers {classes}, the truth of {count} of {rows} rows, though rare classes counted "
            "for more",
            "it has not learnt what tells these rows from the others",
            "train longer, collect more such rows, or look for features that tell them apart",
        ),
        "leak": (
            "column {column!r} alone predicts the target with {metric} {score:.3f}",
            "what tells the answer alone was often written down after the answer was known, and is missing when you "
            "need the answer",
            "ask whether it is known before the answer is; if not, leave it out: drop=[...] (--drop COLUMN)",
        ),
        "absurd": (
            "the answers are absurd: {metric} {score:.4g} against {rival:.4g} on {rows} rows",
            "the errors are more than a thousand times as large as a constant's, so training went astray or "
            "some rows are unlike all others",
            "lower the learning rate, and look for values in these rows that are far from those learnt from",
        ),
        "constant": (
            "{decision} than a constant: {metric} {score:.4g} against {rival:.4g} on {rows} rows",
            "always giving the most frequent class, or the mean, does as well",
            "train longer, change the learning rate, or look for features that tell something",
        ),
        "rival": (
            "{decision} than a linear model: {metric} {score:.4g} against {rival:.4g} on {rows} rows, though only "
            "{agreement:.2%} of its answers are those of a linear model",
            "what the hidden layers learnt does not hold on rows they have not seen, or the rows are too few to tell",
            "train on more rows, make the network smaller or its weight decay larger, or use the linear model",
        ),
        "linear": (
            "{decision} than a linear model: {metric} {score:.4g} against {rival:.4g} on {rows} rows, and a "
            "linear model reproduces {agreement:.2%} of its answers",
            "the hidden layers contribute nothing yet; simple data need none, and on other data training has stopped "
            "too early",
            "train longer, let the biases move, or use the linear model",
        ),
    },
    "zh": {
        "dead": (
            "第 {layer} 层（{name}）：{units} 个单元中有 {count} 个已失活，在 {rows} 行上都不激活",
            "失活的单元不传回梯度，因此无法恢复，网络的实际规模比看上去小",
            "改用 leaky_relu 或 tanh，降低学习率，或换一种初始化",
        ),
        "saturated": (
            "第 {layer} 层（{name}）：{units} 个单元中有 {count} 个饱和；输入平均为 {input:.3g}，"
            "此处斜率只有最陡处的 {slope:.1%}",
            "激活函数平坦的地方几乎不传梯度，前面的层学不到东西",
            "缩放输入，把初始权重取得更小并以 0 为中心，或在激活之前做归一化",
        ),
        "vanishing": (
            "从第 {last} 层传回第 {first} 层，梯度缩小到 {factor:.3g} 倍",
            "所有层用同一个学习率时，前几层几乎不动",
            "改用 tanh 或 relu 并配以相应的初始化，加归一化，或减少层数",
        ),
        "exploding": (
            "从第 {last} 层传回第 {first} 层，梯度放大到 {factor:.3g} 倍",
            "适合最后一层的步长会把前几层抛得很远",
            "把初始权重取得更小，加归一化，或裁剪梯度",
        ),
        "frozen": (
            "第 {layers} 层的偏置被冻结：训练从不改变它们",
            "偏置不动，每个单元的阈值就停在初始值，学习会更慢",
            '让它们参与训练：trainable=("weight", "bias")',
        ),
        "unmoved": (
            "{names} 与开始时完全相同，而其他参数都变了",
            "得不到梯度或没有更新的参数不会学习",
            "用 explain 查看它们的梯度，并检查哪些参数被冻结",
        ),
        "same": (
            "网络对全部 {rows} 行给出同一个答案（{answer}）",
            "它没有用到输入",
            "检查饱和或失活的层，缩放输入，改变学习率，或训练更久",
        ),
        "overlooked": (
            "网络从不回答 {classes}，而 {rows} 行中有 {count} 行属于它",
            "某个类别很少时，从不回答它对网络几乎没有代价，不管它对您有多重要",
            "让少见的类别更有分量：class_weight='balanced'（--class-weight balanced）",
        ),
        "overlooked_still": (
            "网络从不回答 {classes}，而 {rows} 行中有 {count} 行属于它，尽管少见的类别已经加权",
            "它没有学到这些行与其他行的区别",
            "训练更久，收集更多这样的行，或寻找能区分它们的特征",
        ),
        "leak": (
            "仅凭列 {column!r} 就能以 {metric} {score:.3f} 预测目标",
            "单独就能说出答案的列，往往是在答案已知之后才记录的，真正需要答案时并没有它",
            "想一想它是否在答案之前就已知；如果不是，就去掉它：drop=[...]（--drop COLUMN）",
        ),
        "absurd": (
            "答案荒谬：在 {rows} 行上 {metric} 为 {score:.4g}，对比 {rival:.4g}",
            "误差比常数的误差大一千倍以上：训练走偏了，或有些行与其他行完全不同",
            "降低学习率，并查看这些行中有没有远离训练数据的值",
        ),
        "constant": (
            "{decision}常数：在 {rows} 行上 {metric} 为 {score:.4g}，常数为 {rival:.4g}",
            "总是给出最常见的类别或平均值也能做到这样",
            "训练更久，改变学习率，或寻找有用的特征",
        ),
        "rival": (
            "{decision}线性模型：在 {rows} 行上 {metric} 为 {score:.4g}，线性模型为 {rival:.4g}，"
            "尽管它只有 {agreement:.2%} 的答案与线性模型相同",
            "隐藏层学到的东西在没见过的行上不成立，或者行数太少、无法判断",
            "用更多的行训练，缩小网络或加大权重衰减，或直接使用线性模型",
        ),
        "linear": (
            "{decision}线性模型：在 {rows} 行上 {metric} 为 {score:.4g}，线性模型为 {rival:.4g}；"
            "线性模型能重现它 {agreement:.2%} 的答案",
            "隐藏层尚未起作用；简单的数据不需要隐藏层，否则就是训练停得太早",
            "训练更久，让偏置参与训练，或直接使用线性模型",
        ),
    },
}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "none": "no problem found",
        "found": "{count} found",
        "why": "why it matters: ",
        "remedy": "remedy: ",
        "columns": "layer|kind|units|inputs average|slope|dead|saturated|gradient|gradient/weight",
        "title": "Diagnosis on {rows} rows",
        "scores": "{metric}: network {network:.4g}, linear model {linear:.4g}, constant {constant:.4g}",
        "; ": "; ",
        "judgement": "{decision} than {rival}, by {difference} ({level:.0%} interval {low} to {high})",
        "recalls": "on {rows} rows, recall of each class: {recalls}; {also}",
        "constant": "a constant",
        "linear": "a linear model",
        "better": "better",
        "not clearly better": "not clearly better",
        "NOT better": "NOT better",
    },
    "zh": {
        "none": "没有发现问题",
        "found": "发现 {count} 个问题",
        "why": "为什么重要：",
        "remedy": "办法：",
        "columns": "层|种类|单元|输入均值|斜率|失活|饱和|梯度|梯度/权重",
        "title": "对 {rows} 行数据的诊断",
        "scores": "{metric}：网络 {network:.4g}，线性模型 {linear:.4g}，常数 {constant:.4g}",
        "; ": "；",
        "judgement": "{decision}{rival}，相差 {difference}（{level:.0%} 区间 {low} 至 {high}）",
        "recalls": "在 {rows} 行上，各类别的召回率：{recalls}；{also}",
        "constant": "常数",
        "linear": "线性模型",
        "better": "优于",
        "not clearly better": "并不明显优于",
        "NOT better": "并不优于",
    },
}

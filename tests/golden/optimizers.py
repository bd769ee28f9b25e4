"""PyTorch's optimisers after three steps, for src/train/optimizer.rs: `python optimizers.py > optimizers.json`."""

import json

import torch

result = {}
for name, make in {
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.05),
    "adam_decay": lambda groups: torch.optim.Adam(groups, lr=0.05, weight_decay=0.1),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.05, weight_decay=0.1),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9, weight_decay=0.1),
}.items():
    decayed = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
    alone = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([{"params": [decayed]}, {"params": [alone], "weight_decay": 0.0}])
    for step in range(3):
        gradient = torch.tensor([0.1, -0.4, 2.0, 0.0, -3.0], dtype=torch.float64) * (step + 1) - step * 0.3
        decayed.grad, alone.grad = gradient[:4].clone(), gradient[4:].clone()
        optimizer.step()
    result[name] = torch.cat([decayed, alone]).tolist()
print(json.dumps(result, indent=1))
